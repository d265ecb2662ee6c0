import { gunzipSync, gzipSync } from 'node:zlib';
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { PageBundle, PageFile } from '../../../shared/page-bundle.ts';
import { createApiWorld, type ApiWorld, type WorldOptions } from './api-world.ts';

const file = (text: string, contentType: string, isImmutable: boolean): PageFile => {
  const bytes = Buffer.from(text);
  return { bytes, gzip: gzipSync(bytes), contentType, isImmutable };
};
const bundle: PageBundle = {
  files: new Map([
    [
      '/index.html',
      file(
        '<!doctype html><script type="module" src="/assets/app-1.js"></script>',
        'text/html; charset=utf-8',
        false,
      ),
    ],
    ['/assets/app-1.js', file('console', 'text/javascript; charset=utf-8', true)],
  ]),
  firstLoadBytes: 0,
};

let world: ApiWorld | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});
async function open(
  options: WorldOptions = {},
  pages: () => Promise<PageBundle> = () => Promise.resolve(bundle),
) {
  const opened = await createApiWorld({ ...options, app: { console: pages, ...options.app } });
  world = opened;
  return opened;
}

interface Page {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** As a browser asks for it; nothing is unpacked. */
function visit(
  { server }: ApiWorld,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Page> {
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path, method, headers: { accept: 'text/html', ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          });
        });
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

describe('the console', () => {
  it.each(['/', '/sites', '/runs/chest', '/models/chest:3'])(
    'is one page for %s, never kept',
    async (path) => {
      const { status, headers, body } = await visit(await open(), path);
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
      });
      expect(body.toString()).toContain('/assets/app-1.js');
    },
  );

  it('runs no script, style or frame but its own, and talks to nobody else', async () => {
    const { headers } = await visit(await open(), '/');
    const policy = String(headers['content-security-policy']);
    expect(policy).not.toMatch(/unsafe|\*|https:|data:.*script/);
    expect(policy.split('; ')).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "connect-src 'self' ws://consilium.test:8443",
      ]),
    );
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
  });

  it('is packed for browsers that unpack, and its program is kept for a year', async () => {
    const opened = await open();
    const packed = await visit(opened, '/assets/app-1.js', { 'accept-encoding': 'gzip, br' });
    expect(packed.headers).toMatchObject({
      ...{ 'content-encoding': 'gzip', 'cache-control': 'public, max-age=31536000, immutable' },
      vary: expect.stringMatching(/accept-encoding/i) as string,
    });
    expect(gunzipSync(packed.body).toString()).toBe('console');
    const plain = await visit(opened, '/assets/app-1.js');
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(plain.body.toString()).toBe('console');
    const head = await visit(opened, '/', {}, 'HEAD');
    expect([head.status, head.body.length]).toEqual([200, 0]);
  });

  it.each([
    ['a file that there is not', '/assets/app-2.js', 'GET', 'text/html'],
    ['a way out of the folder', '/assets/../../keys.json', 'GET', 'text/html'],
    ['a path of the API', '/api/v1/nothing', 'GET', 'text/html'],
    ['a name with a dot', '/favicon.ico', 'GET', 'text/html'],
    ['a program that asks for JSON', '/sites', 'GET', 'application/json'],
    ['whatever is no reading', '/', 'POST', 'text/html'],
  ])('is not what answers %s', async (_, path, method, accept) => {
    const { status, body } = await visit(await open(), path, { accept }, method);
    expect(status).toBe(404);
    expect(JSON.parse(body.toString())).toMatchObject({ code: 'not-found' });
  });

  it('is made once, at the first visit, and again when that failed', async () => {
    let made = 0;
    const opened = await open({}, () => {
      made++;
      return made === 1 ? Promise.reject(new Error('/a/path is missing')) : Promise.resolve(bundle);
    });
    expect(made).toBe(0);
    const failed = await visit(opened, '/');
    expect(failed.status).toBe(503);
    expect(failed.body.toString()).not.toContain('/a/path');
    expect(opened.errors).toHaveLength(1);
    expect((await Promise.all([visit(opened, '/'), visit(opened, '/')])).map(({ status }) => status)).toEqual(
      [200, 200],
    );
    expect(made).toBe(2);
  });
});

describe('what only makes sense over TLS', () => {
  it('is not asked of browsers on loopback', async () => {
    const opened = await open();
    for (const path of ['/', '/api/v1/session', '/healthz']) {
      const { headers } = await visit(opened, path);
      expect(headers['strict-transport-security']).toBeUndefined();
      expect(headers['content-security-policy']).not.toContain('upgrade-insecure-requests');
    }
  });

  it('is asked where the coordinator is reached over TLS', async () => {
    const opened = await open({ url: 'https://consilium.test', behindTlsProxy: true });
    for (const path of ['/', '/api/v1/session']) {
      const { headers } = await visit(opened, path);
      expect(headers['strict-transport-security']).toContain('max-age=');
      expect(headers['content-security-policy']).toContain('upgrade-insecure-requests');
    }
    expect((await visit(opened, '/')).headers['content-security-policy']).toContain('wss://consilium.test');
  });
});
