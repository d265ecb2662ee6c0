import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holderOf } from '../../../client/lock-file.ts';
import { runDemo, type DemoAddresses } from '../../../simulations/demo/demo.ts';
import { runConsilium } from '../cli/run-consilium.ts';

const TINY = { size: 16, network: { name: 'cnn', options: { filters: [4], dense: 8 } }, epochs: 1 };

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'consilium-demo-test-'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

async function posted(url: URL, body: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json();
}

interface Started {
  readonly demo: DemoAddresses;
  readonly lines: readonly string[];
  /** Resolves with the first line that fits. */
  readonly says: (pattern: RegExp) => Promise<string>;
  /** As Ctrl-C. */
  readonly stop: () => Promise<void>;
}

async function start(keep?: string): Promise<Started> {
  const controller = new AbortController();
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  let ended: Promise<void> = Promise.resolve();
  const demo = await new Promise<DemoAddresses>((resolve, reject) => {
    ended = runDemo({
      ...{ port: 0, sites: 3, rounds: 2, keep, training: TINY, signal: controller.signal },
      say: (line) => {
        lines.push(line);
        for (const watcher of watchers) watcher();
      },
      ready: resolve,
    });
    ended.catch(reject);
  });
  const says = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const line = lines.find((said) => pattern.test(said));
        if (line !== undefined) resolve(line);
      };
      watchers.add(look);
      look();
      void ended.then(() => {
        reject(new Error(`the demo ended without ${String(pattern)}:\n${lines.join('\n')}`));
      });
    });
  return {
    ...{ demo, lines, says },
    stop: async () => {
      controller.abort();
      await ended;
    },
  };
}

describe('the demo', () => {
  it('runs a federation that people can log in to, and ends with all its processes', async () => {
    const keep = join(root, 'kept');
    const { demo, lines, says, stop } = await start(keep);
    expect(demo.sites.map(({ name }) => name)).toEqual(['north', 'south', 'west']);
    for (const { pageUrl } of demo.sites) {
      const page = new URL(pageUrl);
      const opened = await posted(new URL('/api/session', page.origin), { word: page.hash.slice(1) });
      expect(opened).toMatchObject({ role: 'administrator' });
    }
    const roles: unknown[] = [];
    for (const { name, password } of demo.users)
      roles.push(await posted(new URL('/api/v1/login', demo.consoleUrl), { name, password }));
    expect(roles).toMatchObject([{ role: 'administrator' }, { role: 'auditor' }]);
    expect(lines.join('\n')).toContain(demo.consoleUrl);
    await says(/run demo: finished/);
    expect(lines.filter((line) => /failed|refused|error/.test(line))).toEqual([]);
    await stop();
    for (const url of [demo.consoleUrl, ...demo.sites.map(({ pageUrl }) => pageUrl)])
      await expect(fetch(url)).rejects.toThrow();
    expect(readdirSync(keep).sort()).toEqual(
      ['coordinator', 'north', 'phantoms-longer.yaml', 'phantoms.yaml', 'south', 'west'].sort(),
    );
    for (const site of ['north', 'south', 'west']) {
      expect(await holderOf(join(keep, site, 'agent.lock'))).toBeUndefined();
      expect(existsSync(join(keep, site, 'page.json'))).toBe(false);
      const ledger = readFileSync(join(keep, site, 'ledger.jsonl'), 'utf8')
        .trimEnd()
        .split('\n');
      expect(ledger.at(-1)).toContain('"stopped"');
    }
    await expect(start(keep)).rejects.toThrow('is not empty; give a new folder');
  }, 180_000);

  it('leaves nothing behind, also when it is stopped before everything runs', async () => {
    const controller = new AbortController();
    const lines: string[] = [];
    await runDemo({
      ...{ port: 0, sites: 3, rounds: 1, training: TINY, signal: controller.signal },
      say: (line) => {
        lines.push(line);
        if (line.includes('joins')) controller.abort();
      },
      ready: () => {
        throw new Error('it was stopped before');
      },
    });
    expect(lines.at(-1)).toBe('stopped; nothing is left behind');
    const folder = / in (\S+) …$/.exec(lines[0] ?? '')?.[1] ?? '';
    expect(folder).toContain('consilium-demo-');
    expect(existsSync(folder)).toBe(false);
  }, 120_000);

  it('says what to do when the port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const { exit, stderr, stdout } = await runConsilium('demo', '--port', String(port));
    other.close();
    expect([exit, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`port ${String(port)} of this machine cannot be had`);
    expect(stderr).toContain('--port 0');
  });
});
