/**
 * The hospital's way out, where it leads through a proxy: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` as curl
 * reads them (the package `proxy-from-env`), by a tunnel (RFC 9110 §9.3.6, CONNECT). TLS is spoken with the coordinator
 * itself: the proxy sees its name and the bytes that pass, and nothing of what they say.
 */
import { HttpsProxyAgent } from 'https-proxy-agent';
import { getProxyForUrl } from 'proxy-from-env';
import { InputError } from '../../shared/errors.ts';

export interface ProxyRoute {
  readonly agent: HttpsProxyAgent<string>;
  /** Host and port, without the name and password that may stand in the address. */
  readonly name: string;
  /** Why the last tunnel was not opened, in words. */
  refusal(): string | undefined;
}

/** Undefined where the way is direct. @throws InputError for an address that is none; it is not repeated */
export function proxyFor(url: string): ProxyRoute | undefined {
  const address = getProxyForUrl(url);
  if (address === '') return undefined;
  if (!URL.canParse(address))
    throw new InputError(
      'HTTPS_PROXY (or HTTP_PROXY, ALL_PROXY) is no address: write http://proxy.example:3128, with name and password percent-encoded',
    );
  const { protocol, host } = new URL(address);
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new InputError(
      `a proxy of the kind ${protocol.slice(0, -1)} is not supported: name an HTTP proxy in HTTPS_PROXY, or set NO_PROXY`,
    );
  const agent = new HttpsProxyAgent(address);
  let status = 200;
  agent.on('proxyConnect', (answer: { readonly statusCode: number }) => {
    status = answer.statusCode;
  });
  return { agent, name: host, refusal: () => (status === 200 ? undefined : refusedTunnel(host, status)) };
}

function refusedTunnel(name: string, status: number): string {
  const help =
    status === 407
      ? 'it asks for a name and password: HTTPS_PROXY=http://name:password@…'
      : 'it must allow CONNECT to the coordinator';
  return `the proxy ${name} answered ${String(status)}: ${help}`;
}
