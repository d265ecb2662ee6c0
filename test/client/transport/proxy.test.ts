import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { askHealth } from '../../../client/transport/coordinator-api.ts';
import { proxyFor } from '../../../client/transport/proxy.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { createSocketWorld, type SocketWorld } from '../../contracts/socket-world.ts';
import { recordLink } from '../../contracts/transport-contract.ts';

const a = siteIdSchema.parse('a');
const pem = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url)), 'utf8');
const tls = { key: pem('localhost-key'), cert: pem('localhost-cert') };

/** Tunnels for those who know the word. */
class ConnectProxy {
  readonly tunnels: string[] = [];
  readonly plain: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(credentials?: string) {
    this.#server = createServer((request, response) => {
      this.plain.push(request.url ?? '');
      response.writeHead(500).end();
    });
    this.#server.on('connection', (socket) => this.#sockets.add(socket));
    this.#server.on('connect', (request, near: Socket, head) => {
      const expected =
        credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
      if (expected !== undefined && request.headers['proxy-authorization'] !== expected) {
        near.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
        return;
      }
      this.tunnels.push(request.url ?? '');
      const [host = '', port = ''] = (request.url ?? '').split(':');
      const far = connect(Number(port), host, () => {
        near.write('HTTP/1.1 200 Connection established\r\n\r\n');
        far.write(head);
        far.pipe(near).pipe(far);
      });
      this.#sockets.add(far);
      far.on('error', () => near.destroy());
      near.on('error', () => far.destroy());
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    // A server that listens on TCP has such an address.
    return `127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

let world: SocketWorld | undefined;
let proxy: ConnectProxy;
beforeEach(() => {
  for (const name of [
    'HTTPS_PROXY',
    'HTTP_PROXY',
    'ALL_PROXY',
    'NO_PROXY',
    'https_proxy',
    'http_proxy',
    'all_proxy',
    'no_proxy',
  ])
    vi.stubEnv(name, '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await world?.close();
  world = undefined;
  await proxy.close();
});

describe('through a proxy', () => {
  it('a question and the connection are tunnelled, with name and password, and TLS goes through to the coordinator', async () => {
    proxy = new ConnectProxy('site:pa ss');
    world = await createSocketWorld({ sites: [a], tls });
    vi.stubEnv('HTTPS_PROXY', `http://site:pa%20ss@${await proxy.listen()}`);
    const target = new URL(world.url).host;
    const healthy = createHttps(tls, (_request, response) => response.end('{"status":"ok"}'));
    await new Promise<void>((resolve) => healthy.listen(0, '127.0.0.1', resolve));
    const other = `localhost:${String((healthy.address() as AddressInfo).port)}`;
    const health = await askHealth({ url: `https://${other}`, ca: tls.cert });
    healthy.closeAllConnections();
    await new Promise((resolve) => healthy.close(resolve));
    expect(health.status).toBe(200);
    expect(health.certificateEndsMs).toBeGreaterThan(Date.parse('2026-01-01'));
    expect(proxy.tunnels).toEqual([other]);
    const link = world.linkOf(a, { ca: tls.cert });
    const events = recordLink(link);
    await events.atLeast(1);
    expect(world.gateway.connectedSites).toEqual([a]);
    expect(proxy.tunnels).toEqual([other, target]);
    expect(proxy.plain).toEqual([]);
    // Without the authority the tunnel ends at a certificate that nobody vouches for: the proxy cannot answer instead.
    await expect(askHealth({ url: world.url })).rejects.toThrow(/self-signed|unable to verify/);
  });

  it('says why there is no tunnel, and never the password', async () => {
    proxy = new ConnectProxy('site:right');
    world = await createSocketWorld({ sites: [a], tls });
    const place = await proxy.listen();
    vi.stubEnv('HTTPS_PROXY', `http://site:s3cret@${place}`);
    const problem = `the proxy ${place} answered 407: it asks for a name and password`;
    await expect(askHealth({ url: world.url, ca: tls.cert })).rejects.toThrow(problem);
    const link = world.linkOf(a, { ca: tls.cert });
    recordLink(link);
    const waiting = await link.status('waiting');
    expect(waiting).toMatchObject({ reason: expect.stringContaining(problem) as string });
    expect(JSON.stringify(link.statuses)).not.toContain('s3cret');
    expect(proxy.tunnels).toEqual([]);
    link.close();
  });

  it('NO_PROXY leads past it', async () => {
    proxy = new ConnectProxy();
    world = await createSocketWorld({ sites: [a], tls });
    vi.stubEnv('HTTPS_PROXY', `http://${await proxy.listen()}`);
    vi.stubEnv('NO_PROXY', 'localhost');
    const link = world.linkOf(a, { ca: tls.cert });
    await recordLink(link).atLeast(1);
    expect(proxy.tunnels).toEqual([]);
  });

  it('refuses an address that is none, without repeating it', async () => {
    proxy = new ConnectProxy();
    await proxy.listen();
    vi.stubEnv('HTTPS_PROXY', 'http://user:s3cret@:x');
    expect(() => proxyFor('https://coordinator.example')).toThrow('is no address');
    expect(() => proxyFor('https://coordinator.example')).not.toThrow('s3cret');
    vi.stubEnv('HTTPS_PROXY', 'socks5://user:s3cret@proxy.example:1080');
    expect(() => proxyFor('https://coordinator.example')).toThrow(
      'a proxy of the kind socks5 is not supported',
    );
  });
});
