import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planDifference } from '../../../shared/protocol/plan-difference.ts';
import { rosterDifference } from '../../../client/agent/roster-difference.ts';
import { examineSite } from '../../../client/agent/site-doctor.ts';
import { stopAgent } from '../../../client/agent/stop.ts';
import { readTerms, termsReader } from '../../../client/agent/terms.ts';
import { misfit, readManifest, scanCohort, writeManifest } from '../../../client/cohort/scan.ts';
import { initSite, isEnrolled, openSiteFolder, siteIdentity, writeSite } from '../../../client/config.ts';
import { holderOf, isHeld, takeLock, withLock } from '../../../client/lock-file.ts';
import { readMemory } from '../../../client/session/session-memory.ts';
import { enrol } from '../../../client/transport/coordinator-api.ts';
import { isSafeUrl } from '../../../client/transport/coordinator-url.ts';
import { sitePolicySchema } from '../../../client/session/policy.ts';
import { createRng, deriveSeed } from '../../../shared/rng.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { planOf } from '../../coordinator/fixtures.ts';

const NOW_MS = 1_700_000_000_000;
const policy = sitePolicySchema.parse({ approvedPlans: [] });
const coordinator = { url: 'http://127.0.0.1:9', federationId: 'f', key: 'a'.repeat(64) };
const siteId = siteIdSchema.parse('north');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'consilium-site-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

describe('init', () => {
  it('writes files with comments once, and joining keeps what people have written', async () => {
    const files = await initSite(folder, { data: 'phantoms:1/3', engine: 'onnx' }, policy);
    expect(files).toHaveLength(2);
    expect(isEnrolled(folder)).toBe(false);
    expect(() => openSiteFolder(folder)).toThrow('holds no site');
    await expect(initSite(folder, { engine: 'onnx' }, policy)).rejects.toThrow('nothing was written');
    writeFileSync(join(folder, 'site.yaml'), `${read('site.yaml')}# mine\n`);
    writeFileSync(join(folder, 'policy.yaml'), '# ours\napprovedPlans: []\nminimumCohort: 9\n', {
      mode: 0o600,
    });
    siteIdentity(folder);
    await writeSite(folder, { siteId, coordinator, data: 'phantoms:1/3', engine: 'onnx' }, policy);
    expect(read('site.yaml')).toMatch(/^# Consilium site agent[^]*# mine/);
    expect(read('policy.yaml')).toContain('# ours');
    expect(openSiteFolder(folder).config).toMatchObject({ siteId, coordinator, data: 'phantoms:1/3' });
    expect(statSync(join(folder, 'site.yaml')).mode & 0o077).toBe(0);
  });
});

describe('the policy', () => {
  const reported: string[] = [];
  const terms = () => termsReader(openSiteFolder(folder), (problem) => reported.push(problem))();
  beforeEach(async () => {
    reported.length = 0;
    await writeSite(folder, { siteId, coordinator, engine: 'onnx' }, { ...policy, approvedPlans: [] });
  });

  it.each([
    ['is unreadable', 'approvedPlans: [', 0o600, 'cannot be read'],
    ['has an unknown field', 'approvedPlans: []\napprovedPlan: [x]\n', 0o600, 'approvedPlan'],
    ['can be changed by others', 'approvedPlans: []\n', 0o666, 'can be changed by other accounts'],
  ])('that %s allows nothing, and says why', (_what, text, mode, problem) => {
    const file = join(folder, 'policy.yaml');
    writeFileSync(file, text);
    chmodSync(file, mode);
    expect(terms().policy).toEqual({ approvedPlans: [], minimumCohort: Number.MAX_SAFE_INTEGER });
    expect(reported.join()).toContain(problem);
    expect(() => readTerms(openSiteFolder(folder))).toThrow(problem);
  });

  it('is read again: what was put right holds', () => {
    expect(terms().policy).toEqual(policy);
    rmSync(join(folder, 'policy.yaml'));
    expect(terms().policy.approvedPlans).toEqual([]);
    expect(reported).toHaveLength(1);
  });
});

/** Noise, so that the quality gate has nothing against it. */
async function image(path: string, seed: number): Promise<void> {
  const rng = createRng(deriveSeed('scan test', seed));
  const pixels = Uint8Array.from({ length: 20 * 20 }, () => rng.integer(256));
  await sharp(pixels, { raw: { width: 20, height: 20, channels: 1 } })
    .png()
    .toFile(path);
}

describe('scan', () => {
  it('counts classes and patients, names what is not used, and knows the files by their digests', async () => {
    const data = join(folder, 'data');
    for (const [label, count] of [
      ['ill', 2],
      ['well', 3],
    ] as const) {
      mkdirSync(join(data, label), { recursive: true });
      for (let i = 0; i < count; i++) await image(join(data, label, `${String(i)}.png`), 10 * count + i);
    }
    writeFileSync(join(data, 'well', 'notes.txt'), 'x');
    writeFileSync(join(data, 'well', 'broken.png'), 'no image');
    const manifest = await scanCohort(`folder:${data}`, { nowMs: NOW_MS });
    expect(manifest).toMatchObject({ imageCount: 5, patientCount: 5, time: '2023-11-14T22:13:20.000Z' });
    expect(manifest.classes).toEqual([
      { name: 'ill', images: 2, patients: 2 },
      { name: 'well', images: 3, patients: 3 },
    ]);
    expect(manifest.rejected.map(({ file }) => file).sort()).toEqual(['well/broken.png', 'well/notes.txt']);
    expect(manifest.files).toHaveLength(7);
    expect(manifest.files.find(({ file }) => file === 'well/notes.txt')?.sha512).toMatch(/^a4abd4448c49562d/);
    await writeManifest(folder, manifest);
    expect(await readManifest(folder)).toEqual(manifest);
    expect((await scanCohort(`folder:${data}`, { nowMs: NOW_MS + 1 })).digest).toBe(manifest.digest);
    await image(join(data, 'ill', '0.png'), 99);
    expect((await scanCohort(`folder:${data}`, { nowMs: NOW_MS })).digest).not.toBe(manifest.digest);
    writeFileSync(join(folder, 'cohort.json'), '{');
    await expect(readManifest(folder)).rejects.toThrow('`consilium site scan` writes it again');
  });

  it('says why a plan does not fit', () => {
    const classes = (...names: string[]) => ({
      classes: names.map((name) => ({ name, images: 1, patients: 1 })),
    });
    const plan = planOf();
    expect(misfit(classes('left', 'right'), plan)).toBeUndefined();
    expect(misfit(classes('left', 'other'), plan)).toContain(
      'the data here have no class right; the plan has no class other',
    );
    expect(misfit(classes('right', 'left'), plan)).toContain('in another order');
  });
});

describe('joining', () => {
  it('begins with an empty memory, whose loss is not taken for a new site', async () => {
    const file = join(folder, 'memory.json');
    await writeSite(folder, { siteId, coordinator, engine: 'onnx' }, policy);
    expect(await readMemory(file)).toEqual({ seen: [] });
    writeFileSync(file, '{"seen":[],"unmasked":[{"runId":"r","round":1}]}');
    await writeSite(folder, { siteId, coordinator, engine: 'onnx' }, policy);
    expect((await readMemory(file)).unmasked).toEqual([{ runId: 'r', round: 1 }]);
    rmSync(file);
    await expect(readMemory(file)).rejects.toThrow('is not there: it says what this site has answered');
  });

  it.each([
    ['https://coordinator.example', true],
    ['http://127.0.0.1:8443', true],
    ['http://localhost:8443', true],
    ['http://[::1]:8443', true],
    ['http://coordinator.example', false],
    ['http://127.0.0.1.example', false],
    ['http://localhost@coordinator.example', false],
    ['ftp://localhost', false],
    ['nothing', false],
  ])('%s may be asked: %s', async (url, isSafe) => {
    expect(isSafeUrl(url)).toBe(isSafe);
    if (isSafe) return;
    const invitation = { url, siteId, fingerprint: '', token: '' };
    await expect(enrol({ url }, invitation, siteIdentity(folder))).rejects.toThrow('expected https://');
    await writeSite(folder, { siteId, coordinator: { ...coordinator, url }, engine: 'onnx' }, policy);
    expect(() => openSiteFolder(folder)).toThrow('coordinator');
  });
});

describe('the difference between lists of sites', () => {
  it('names who is new, who has gone, and whose key is another', () => {
    const list = (...entries: readonly (readonly [string, string])[]) => ({
      sites: entries.map(([name, publicKey]) => ({ siteId: siteIdSchema.parse(name), publicKey })),
    });
    const before = list(['a', '1'], ['b', '2'], ['c', '3']);
    expect(rosterDifference(before, list(['a', '1'], ['b', '9'], ['d', '4'], ['e', '5']))).toEqual([
      'new: d, e',
      'no longer there: c',
      'with another key than before: b',
    ]);
    expect(rosterDifference(before, before)).toEqual([]);
    expect(rosterDifference(undefined, before)).toEqual([]);
  });
});

describe('the difference between plans', () => {
  it('is one line a field, in words', () => {
    const before = planOf({ rounds: 3 });
    const now = planOf({ rounds: 5, maximumUpdateL2Norm: 2 });
    expect(planDifference(before, now)).toEqual([
      'federation, maximum update l2 norm: 2 (was not set)',
      'federation, rounds: 5 (was 3)',
    ]);
    expect(planDifference(now, before)).toContain(
      'federation, maximum update l2 norm: no longer set (was 2)',
    );
    expect(planDifference(now, now)).toEqual([]);
  });
});

describe('the lock', () => {
  it('is held by one, and by nobody who is gone', async () => {
    const path = join(folder, 'agent.lock');
    const release = await takeLock(path);
    expect((await holderOf(path))?.pid).toBe(process.pid);
    expect(await takeLock(path)).toBeUndefined();
    await release?.();
    expect(await holderOf(path)).toBeUndefined();
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    writeFileSync(path, JSON.stringify({ pid: child.pid }));
    expect(await holderOf(path)).toBeUndefined();
    // The same number, given to another process since.
    writeFileSync(path, JSON.stringify({ pid: process.pid, begun: '1' }));
    const again = process.platform === 'linux' ? await takeLock(path) : undefined;
    if (process.platform === 'linux') expect(again).toBeDefined();
    await again?.();
  });

  it.skipIf(process.platform !== 'linux')(
    'of another container is left alone, of an earlier start is not',
    async () => {
      const path = join(folder, 'agent.lock');
      await takeLock(path);
      const own = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
      expect(own).toMatchObject({ pid: process.pid, namespace: expect.stringContaining('pid:') as string });
      const foreign = JSON.stringify({ ...own, namespace: 'pid:[1]' });
      writeFileSync(path, foreign);
      await expect(takeLock(path)).rejects.toThrow('was made in another container: when nothing');
      await expect(stopAgent(path, 1000)).rejects.toThrow('another container');
      expect(await isHeld(path)).toBe(true);
      expect(readFileSync(path, 'utf8')).toBe(foreign);
      writeFileSync(path, JSON.stringify({ ...own, boot: 'before' }));
      expect(await isHeld(path)).toBe(false);
      expect(await takeLock(path)).toBeDefined();
    },
  );

  it('lets one at a time work', async () => {
    const path = join(folder, 'work.lock');
    let inside = 0;
    let most = 0;
    const work = (): Promise<void> =>
      withLock(path, async () => {
        most = Math.max(most, ++inside);
        await Promise.resolve();
        inside--;
      });
    await Promise.all(Array.from({ length: 5 }, work));
    expect([most, inside]).toEqual([1, 0]);
  });

  it('shows whom to stop', async () => {
    const path = join(folder, 'agent.lock');
    expect(await stopAgent(path, 1000)).toBe('not-running');
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    writeFileSync(path, JSON.stringify({ pid: child.pid }));
    expect(await stopAgent(path, 20_000)).toBe('stopped');
  });
});

describe('doctor', () => {
  const engines = { engines: [{ name: 'onnx', available: true, device: 'cpu', imagesPerSecond: 1 }] };
  const examine = (nowMs = NOW_MS) =>
    examineSite({
      path: folder,
      clock: { nowMs: () => nowMs },
      // Measuring the engines of this machine is the other doctor's test.
      diagnose: () => Promise.resolve(engines as never),
    });

  it('says what is wrong and what to do', async () => {
    expect(await examine()).toMatchObject([{ check: 'configuration', state: 'problem' }]);
    siteIdentity(folder);
    await writeSite(folder, { siteId, coordinator, data: 'folder:/nowhere', engine: 'onnx-cuda' }, policy);
    chmodSync(join(folder, 'identity.json'), 0o644);
    writeFileSync(join(folder, 'ledger.jsonl'), '{}\n');
    const found = new Map((await examine()).map((finding) => [finding.check, finding]));
    expect(found.get('key file')).toMatchObject({
      state: 'problem',
      help: expect.stringContaining('chmod 600') as string,
    });
    expect(found.get('policy and roster')).toMatchObject({ state: 'warning' });
    expect(found.get('ledger')).toMatchObject({
      state: 'problem',
      detail: 'line 1 is no entry of this version',
    });
    expect(found.get('images')?.detail).toContain('nowhere');
    expect(found.get('engine')?.detail).toContain('onnx-cuda does not work here (working: onnx)');
    expect(found.get('coordinator')).toMatchObject({
      state: 'problem',
      help: expect.stringContaining('firewall') as string,
    });
  });

  it('compares the clocks, and knows plain HTTP', async () => {
    const server = createServer((_request, response) => {
      response.setHeader('date', new Date(NOW_MS).toUTCString()).end('{}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    siteIdentity(folder);
    const url = `http://127.0.0.1:${String(port)}`;
    await writeSite(folder, { siteId, coordinator: { ...coordinator, url }, engine: 'onnx' }, policy);
    const stateOf = async (nowMs: number): Promise<readonly (string | undefined)[]> => {
      const clock = (await examine(nowMs)).find(({ check }) => check === 'clock');
      return [clock?.state, clock?.detail];
    };
    expect(await stateOf(NOW_MS)).toEqual(['ok', "0 s ahead of the coordinator's"]);
    expect(await stateOf(NOW_MS - 60_000)).toEqual(['warning', "60 s behind the coordinator's"]);
    expect(await stateOf(NOW_MS + 86_400_000)).toEqual(['problem', "86400 s ahead of the coordinator's"]);
    expect(await examine()).toContainEqual(
      expect.objectContaining({ check: 'certificate', state: 'warning' }),
    );
    expect(await examine()).toContainEqual(
      expect.objectContaining({ check: 'membership', state: 'problem' }),
    );
    server.closeAllConnections();
    server.close();
  });
});
