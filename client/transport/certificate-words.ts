/**
 * What is wrong with a coordinator's certificate, in words for whoever runs the site: which certificate it is, since when it
 * is no good and who has to do what. The site goes on trying all the same, and never goes on without a good one.
 */
import { connect, type PeerCertificate } from 'node:tls';
import { z } from 'zod';
import { systemClock, type Clock } from '../../shared/clock.ts';

/** Codes of Node's TLS (X509_verify_cert_error_string in OpenSSL). */
const faultSchema = z.enum([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  // The rest: nobody that this machine trusts has signed it.
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
export type CertificateFault = z.infer<typeof faultSchema>;

const codedSchema = z.looseObject({ code: faultSchema });
/** socket.io hands on the error of the websocket in a description. */
const describedSchema = z.looseObject({ description: z.looseObject({ error: codedSchema }) });

/** Undefined when the error is about something else. */
export function certificateFault(error: unknown): CertificateFault | undefined {
  const described = describedSchema.safeParse(error).data?.description.error;
  return (described ?? codedSchema.safeParse(error).data)?.code;
}

const PROBE_MS = 10_000;

/** What is shown there as certificate; nothing is said over the connection. Undefined when nobody answers. */
function certificateAt(url: URL, clock: Pick<Clock, 'schedule'>): Promise<PeerCertificate | undefined> {
  return new Promise((resolve) => {
    const port = url.port === '' ? 443 : Number(url.port);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    // Looked at, not trusted: the connection is closed before a byte of the site's is sent.
    const socket = connect({ host, port, servername: host, rejectUnauthorized: false }, () => {
      settle(socket.getPeerCertificate());
    });
    const settle = (certificate: PeerCertificate | undefined): void => {
      cancel();
      socket.destroy();
      resolve(certificate);
    };
    const cancel = clock.schedule(PROBE_MS, () => {
      settle(undefined);
    });
    socket.on('error', () => {
      settle(undefined);
    });
  });
}

const dayOf = (text: string | undefined): string | undefined => {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString().slice(0, 16).replace('T', ' ') + ' UTC';
};

/** @param fault `certificateFault` of an attempt to reach `url` */
export async function certificateWords(
  fault: CertificateFault,
  url: string,
  clock: Pick<Clock, 'schedule'> = systemClock,
): Promise<string> {
  const shown = await certificateAt(new URL(url), clock);
  const which = `the certificate that ${new URL(url).host} shows${nameOf(shown)}`;
  switch (fault) {
    case 'CERT_HAS_EXPIRED': {
      const end = dayOf(shown?.valid_to);
      return `${which} has expired${end === undefined ? '' : `, on ${end}`}: the coordinator's administrator has to renew it and restart the coordinator; where that has been done, check this machine's clock`;
    }
    case 'CERT_NOT_YET_VALID': {
      const begin = dayOf(shown?.valid_from);
      return `${which} is not valid yet${begin === undefined ? '' : `, only from ${begin} on`}: check this machine's clock, then ask the coordinator's administrator`;
    }
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `${which} is for another name: check the address in site.yaml, or ask the coordinator's administrator for a certificate with this name`;
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `${which} is signed by an authority that this machine does not know: give its PEM file as coordinator.authority in site.yaml (\`consilium site enroll --authority\`), as the coordinator's administrator hands it over`;
  }
}

function nameOf(certificate: PeerCertificate | undefined): string {
  if (!certificate) return '';
  const { subject, issuer } = certificate;
  return ` (for ${first(subject.CN)}, issued by ${first(issuer.CN)})`;
}

/** A name may stand several times. */
function first(name: string | readonly string[] | undefined): string {
  return (typeof name === 'string' ? name : name?.[0]) ?? 'nobody named';
}
