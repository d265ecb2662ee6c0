/** The coordinator itself: how it is set up, without secrets. */
import { fingerprintOf } from '../../../shared/crypto/fingerprint.ts';
import { programVersion } from '../../../shared/program-version.ts';
import { PROTOCOL_VERSION } from '../../../shared/protocol/version.ts';
import { isDatabaseServer } from '../../storage/database.ts';
import { diskFigures } from '../../storage/disk-figures.ts';
import { certificateOf, daysLeft } from '../certificate.ts';
import { isoTime } from './iso-time.ts';
import { jsonRoute, NONE, type Route } from './route.ts';
import type { ApiServices } from './services.ts';
import { settingsSchema, type SettingsView } from './settings-views.ts';

function configurationOf({ folder }: Pick<ApiServices, 'folder'>): SettingsView['configuration'] {
  const { host, port, url, tls, behindTlsProxy, validation } = folder.config;
  return {
    ...{ host, port, url },
    transport: tls ? 'tls' : behindTlsProxy ? 'behind-tls-proxy' : 'plain-loopback',
    database: isDatabaseServer(folder.database) ? 'postgresql' : 'sqlite',
    hasValidationImages: validation !== undefined,
    federationId: folder.federationId,
    fingerprint: fingerprintOf(folder.identity.publicKey),
  };
}

function certificateView({ folder, clock }: ApiServices): SettingsView['certificate'] {
  const facts = certificateOf(folder);
  if (!facts) return null;
  const { subject, issuer, notBeforeMs, notAfterMs } = facts;
  return {
    ...{ subject, issuer, notBefore: isoTime(notBeforeMs), notAfter: isoTime(notAfterMs) },
    daysLeft: daysLeft(facts, clock.nowMs()),
  };
}

export function settingsRoutes(services: ApiServices): Route[] {
  const { folder, attempts } = services;
  return [
    jsonRoute({
      ...{ operation: 'showSettings', method: 'get', path: '/api/v1/settings' },
      summary: 'How the coordinator is set up, without secrets',
      ...{ params: NONE, query: NONE, body: NONE, answer: settingsSchema },
      handle: async () => {
        const { databaseBytes = null, ...figures } = await diskFigures(folder);
        return {
          configuration: configurationOf(services),
          certificate: certificateView(services),
          versions: { program: programVersion(), protocol: PROTOCOL_VERSION, node: process.version },
          storage: { databaseBytes, ...figures },
          logins: {
            since: attempts.since,
            attempts: attempts.latest.map(({ user = null, ...rest }) => ({ ...rest, user })),
          },
        };
      },
    }),
  ];
}
