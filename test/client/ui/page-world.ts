/** A site's page on loopback without an agent's connection: a folder of a site, a scripted agent, and people with links. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSiteFolder, siteIdentity, writeSite, type SiteFolder } from '../../../client/config.ts';
import { sitePolicySchema, type SitePolicy } from '../../../client/session/policy.ts';
import { AgentHere } from '../../../client/ui/page-agent.ts';
import { startPage, type PageServer } from '../../../client/ui/page-server.ts';
import { systemClock } from '../../../shared/clock.ts';
import { toHex } from '../../../shared/crypto/bytes.ts';
import { identityFromSeed } from '../../../shared/crypto/identity.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import type { PageBundle } from '../../../shared/page-bundle.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly bytes: Buffer;
  /** Undefined for what is no JSON. */
  readonly body: unknown;
}

export interface Asking {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PagePerson {
  readonly cookie: string;
  readonly csrfToken: string;
  ask(method: string, path: string, asking?: Asking): Promise<Answer>;
}

export interface PageWorld {
  readonly folder: SiteFolder;
  readonly server: PageServer;
  readonly agent: AgentHere;
  /** Of the federation's coordinator. */
  readonly coordinator: ReturnType<typeof identityFromSeed>;
  ask(method: string, path: string, asking?: Asking): Promise<Answer>;
  word(person: string): string;
  /** Opens a link. */
  person(name?: string): Promise<PagePerson>;
  close(): Promise<void>;
}

const file = (text: string) => {
  const bytes = Buffer.from(text);
  return { contentType: 'text/html; charset=utf-8', bytes, gzip: bytes, isImmutable: false };
};
/** The page itself is not what is tested. */
const BUNDLE: PageBundle = { files: new Map([['/index.html', file('<!doctype html>')]]), firstLoadBytes: 0 };

export interface WorldOptions {
  readonly policy?: Partial<SitePolicy>;
  readonly data?: string;
  readonly coordinatorUrl?: string;
  /** Default: none that shows anything. */
  readonly bundle?: () => Promise<PageBundle>;
}

export async function createPageWorld(options: WorldOptions = {}): Promise<PageWorld> {
  const { data, coordinatorUrl = 'http://127.0.0.1:9', bundle = () => Promise.resolve(BUNDLE) } = options;
  const path = mkdtempSync(join(tmpdir(), 'consilium-page-'));
  const coordinator = identityFromSeed(new Uint8Array(32).fill(7));
  siteIdentity(path);
  await writeSite(
    path,
    {
      siteId: siteIdSchema.parse('north'),
      coordinator: { url: coordinatorUrl, federationId: 'f', key: toHex(coordinator.publicKey) },
      engine: 'onnx',
      ...(data !== undefined && { data }),
    },
    sitePolicySchema.parse({ approvedPlans: [], ...options.policy }),
  );
  const folder = openSiteFolder(path);
  const agent = new AgentHere(systemClock);
  const server = await startPage({ folder, agent, port: 0, bundle });
  const ask = (method: string, where: string, asking: Asking = {}): Promise<Answer> =>
    send(server.port, method, where, asking);
  const word = (person: string): string => {
    const link = server.links.find((known) => known.person === person);
    if (!link) throw new Error(`nobody is called ${person}`);
    return new URL(link.url).hash.slice(1);
  };
  return {
    ...{ folder, server, agent, coordinator, ask, word },
    person: async (name = 'first person') => {
      const opened = await ask('POST', '/api/session', { body: { word: word(name) } });
      const cookie = String(opened.headers['set-cookie']).split(';')[0] ?? '';
      const { csrfToken } = opened.body as { csrfToken: string };
      return {
        ...{ cookie, csrfToken },
        ask: (method, where, asking = {}) =>
          ask(method, where, {
            ...asking,
            headers: { cookie, ...(method !== 'GET' && { 'x-csrf-token': csrfToken }), ...asking.headers },
          }),
      };
    },
    close: async () => {
      await server.close();
      rmSync(path, { recursive: true });
    },
  };
}

/** Not `fetch`, which lets nobody choose the host. */
function send(port: number, method: string, path: string, { body, headers = {} }: Asking): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port, method, path },
        headers: { ...(text !== undefined && { 'content-type': 'application/json' }), ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          resolve({
            ...{ status: response.statusCode ?? 0, headers: response.headers, bytes },
            body: jsonOf(bytes),
          });
        });
      },
    );
    sent.on('error', reject);
    sent.end(text);
  });
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
