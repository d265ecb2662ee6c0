import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { initCoordinator, type CoordinatorFolder } from '../../../coordinator/config.ts';
import { areDisjoint, GatewayShares } from '../../../coordinator/run/gateway-shares.ts';
import { failureText } from '../../../coordinator/run/failure.ts';
import { RunQueue, type QueueOptions, type QueueReport } from '../../../coordinator/run/queue.ts';
import { startable } from '../../../coordinator/run/startable.ts';
import { openDatabase, type Database } from '../../../coordinator/storage/database.ts';
import { RunHistory } from '../../../coordinator/storage/run-history.ts';
import { RunStore, type QueuedRun } from '../../../coordinator/storage/run-store.ts';
import { systemClock } from '../../../shared/clock.ts';
import { DataError, StorageError } from '../../../shared/errors.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { planHashSchema, runIdSchema, type RunId, type SiteId } from '../../../shared/ids.ts';
import { manifestOf } from '../../../shared/learning/weights.ts';
import { architectureSchema, buildModel } from '../../../shared/learning/architectures/architecture.ts';
import type { GatewayHandlers, SiteGateway } from '../../../shared/protocol/transport.ts';
import { planOf, site, sites } from '../fixtures.ts';

const frame = { header: '{}' };

/** Hands out what a test says. */
function fakeGateway(): SiteGateway & { handlers(): GatewayHandlers; readonly sent: SiteId[] } {
  let handlers: GatewayHandlers | undefined;
  const sent: SiteId[] = [];
  return {
    sent,
    handlers: () => {
      if (!handlers) throw new Error('nobody listens');
      return handlers;
    },
    listen: (given) => {
      handlers = given;
    },
    send: (siteId) => {
      sent.push(siteId);
    },
    close: () => undefined,
  };
}

describe('sharing a gateway', () => {
  const heard = () => {
    const events: string[] = [];
    const handlers: GatewayHandlers = {
      connected: (siteId) => events.push(`+${siteId}`),
      disconnected: (siteId) => events.push(`-${siteId}`),
      frame: (siteId) => events.push(`!${siteId}`),
    };
    return { events, handlers };
  };

  it('lets each run hear of, and speak to, its own sites only', () => {
    const gateway = fakeGateway();
    const shares = new GatewayShares(gateway);
    const [one, two] = [heard(), heard()];
    const [first, second] = [shares.share(new Set(sites('a', 'b'))), shares.share(new Set(sites('c')))];
    gateway.handlers().connected(site('a'));
    first.listen(one.handlers);
    second.listen(two.handlers);
    gateway.handlers().connected(site('c'));
    gateway.handlers().connected(site('d'));
    gateway.handlers().frame(site('c'), frame);
    gateway.handlers().frame(site('a'), frame);
    gateway.handlers().disconnected(site('a'));
    expect([one.events, two.events]).toEqual([
      ['+a', '!a', '-a'],
      ['+c', '!c'],
    ]);
    first.send(site('c'), frame);
    second.send(site('c'), frame);
    first.send(site('b'), frame);
    expect(gateway.sent).toEqual(sites('c', 'b'));
  });

  it('gives no site to two, and a site again when its run is over', () => {
    const gateway = fakeGateway();
    const shares = new GatewayShares(gateway);
    const first = shares.share(new Set(sites('a')));
    expect(() => shares.share(new Set(sites('a', 'b')))).toThrow('two runs at once');
    expect(() => shares.share(undefined)).toThrow('two runs at once');
    const one = heard();
    first.listen(one.handlers);
    first.close();
    gateway.handlers().connected(site('a'));
    const all = heard();
    shares.share(undefined).listen(all.handlers);
    expect([one.events, all.events]).toEqual([[], ['+a']]);
    expect(areDisjoint(new Set(sites('a')), undefined)).toBe(false);
  });
});

describe('what may begin', () => {
  const planHash = planHashSchema.parse('0'.repeat(128));
  const queued = (name: string, ...names: string[]): QueuedRun => ({
    ...{
      runId: runIdSchema.parse(name),
      planHash,
      failure: null,
      addedAt: '',
      changedAt: '',
      status: 'queued',
    },
    sites: names.length > 0 ? sites(...names) : undefined,
  });
  const begin = (runs: QueuedRun[], ...going: string[]) =>
    startable(runs, ({ runId }) => going.includes(runId)).map(({ runId }) => runId);

  it.each([
    ['runs without common sites, together', [queued('x', 'a', 'b'), queued('y', 'c')], [], ['x', 'y']],
    ['a run for all sites, alone', [queued('x'), queued('y', 'c')], [], ['x']],
    ['nothing beside a run for all sites', [queued('x'), queued('y', 'c')], ['x'], []],
    [
      'no run before one that waits for its sites',
      [queued('x', 'a'), queued('y', 'a', 'b'), queued('z', 'b')],
      ['x'],
      [],
    ],
    ['what waits for nobody', [queued('x', 'a'), queued('y', 'a', 'b'), queued('z', 'c')], ['x'], ['z']],
    [
      'nothing that is over',
      [{ ...queued('x', 'a'), status: 'stopped' as const }, queued('y', 'a')],
      [],
      ['y'],
    ],
    [
      'nothing of a run that is about to stop',
      [{ ...queued('x', 'a'), status: 'stopped' as const }, queued('y', 'a')],
      ['x'],
      [],
    ],
    [
      'first what was going on',
      [queued('x', 'a'), { ...queued('y', 'a', 'b'), status: 'running' as const }],
      ['y'],
      [],
    ],
  ] as const)('%s', (_, runs, going, expected) => {
    expect(begin([...runs], ...going)).toEqual(expected);
  });
});

describe('what is kept of a failure', () => {
  it.each([
    [
      new DataError('/srv/images/mueller-anna.png: not a PNG'),
      'DATA: the images that models are judged with',
    ],
    [new StorageError('/var/lib/x is full'), 'STORAGE: a file or the database'],
    [new TypeError('x is not a function'), 'internal: the program failed'],
  ])('of %s is a fixed sentence', (error, beginning) => {
    const text = failureText(error);
    expect(text).toMatch(new RegExp(`^${beginning}`));
    expect(text).not.toContain(error.message);
  });
});

describe('the queue', () => {
  let root: string;
  let folder: CoordinatorFolder;
  let database: Database;
  let runs: RunStore;
  let reports: QueueReport[];
  let waiting: { said: string; resolve: () => void }[];
  let queue: RunQueue;
  let serving: Promise<void>;
  let options: QueueOptions;
  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'consilium-queue-'));
    const config = { host: '127.0.0.1', port: 0, url: 'http://127.0.0.1:1', behindTlsProxy: false };
    folder = initCoordinator(join(root, 'coordinator'), config);
    database = await openDatabase(join(root, 'coordinator.db'));
    runs = new RunStore(database, systemClock);
    [reports, waiting] = [[], []];
    options = {
      ...{ folder, database, runs, gateway: fakeGateway(), clock: systemClock },
      history: new RunHistory(database, systemClock),
      roster: () =>
        Promise.resolve(new Map(sites('a', 'b', 'c').map((name) => [name, createIdentity().publicKey]))),
      openEvaluator: (plan) =>
        plan.task.name === 'broken' ? Promise.reject(new TypeError('a bug')) : Promise.resolve(unjudged),
      report: hear,
    };
    queue = new RunQueue(options);
    serving = queue.serve();
  });
  afterEach(async () => {
    await queue.close();
    await serving;
    await database.destroy();
    rmSync(root, { recursive: true });
  });

  const unjudged = {
    evaluate: () => Promise.resolve({ loss: 1, score: undefined, metrics: {} }),
    close: () => Promise.resolve(),
  };
  const said = (report: QueueReport): string => `${report.kind} ${report.runId}`;
  const hear = (report: QueueReport): void => {
    reports.push(report);
    for (const { resolve } of waiting.filter((one) => one.said === said(report))) resolve();
  };
  const reported = (wanted: string): Promise<void> =>
    new Promise((resolve) => {
      if (reports.some((report) => said(report) === wanted)) resolve();
      waiting.push({ said: wanted, resolve });
    });
  const enqueue = async (
    name: string,
    selecting: number,
    names: string[],
    task = 'two blobs',
    maximumConsecutiveAborts = 1,
  ): Promise<RunId> => {
    const runId = runIdSchema.parse(name);
    const architecture = architectureSchema.parse({ name: 'cnn', options: { filters: [2], dense: 2 } });
    const parameterCount = manifestOf(buildModel(architecture, [1, 8, 8], 2)).length;
    const federation = { minimumCohort: 1, minimumSurvivors: 1, maximumConsecutiveAborts };
    const plan = planOf(
      { ...federation, deadlinesMs: { selecting, advertising: 1000, training: 1000 } },
      {
        architecture,
        parameterCount,
        task: { name: task, classNames: ['left', 'right'], imageDims: [1, 8, 8] },
      },
    );
    await runs.enqueue(runId, await runs.addPlan(plan), names.length > 0 ? sites(...names) : undefined);
    return runId;
  };
  const order = (): string[] => reports.map(said).filter((text) => !/^(round|attempt)/.test(text));

  it('carries out at once what shares no site, and the next when there is room', async () => {
    await enqueue('x', 60_000, ['a']);
    await enqueue('y', 60_000, ['b']);
    await enqueue('z', 60_000, ['a', 'b']);
    await Promise.all([reported('runStarted x'), reported('runStarted y')]);
    expect(order()).not.toContain('runStarted z');
    await runs.wish(runIdSchema.parse('x'), 'stop');
    await reported('runStopped x');
    expect(order()).not.toContain('runStarted z');
    await runs.wish(runIdSchema.parse('y'), 'stop');
    await reported('runStarted z');
    expect(order().slice(2)).toEqual(['runStopped x', 'runStopped y', 'runStarted z']);
  });

  it('is free again after a run that failed, for whatever reason, and keeps what its attempts came to', async () => {
    const none = await enqueue('none', 100, []);
    await reported('runFailed none');
    const broken = await enqueue('broken', 100, [], 'broken');
    await reported('runFailed broken');
    await enqueue('next', 60_000, []);
    await reported('runStarted next');
    expect(await runs.run(broken)).toMatchObject({
      status: 'failed',
      failure: 'internal: the program failed; the coordinator’s log says more',
    });
    expect(reports).toContainEqual({ kind: 'runFailed', runId: broken, reason: 'a bug' });
    expect(await runs.attempts(none)).toMatchObject([{ outcome: 'aborted', round: 1, attempt: 1 }]);
  });

  it('does not begin what somebody stopped while it waited', async () => {
    const first = await enqueue('first', 60_000, []);
    await reported('runStarted first');
    const second = await enqueue('second', 60_000, []);
    await enqueue('third', 60_000, []);
    await runs.wish(second, 'stop');
    await runs.wish(first, 'stop');
    await reported('runStarted third');
    expect(order()).toEqual(['runStarted first', 'runStopped first', 'runStarted third']);
    expect((await runs.run(second))?.status).toBe('stopped');
  });

  it('ends when the end of a run cannot be written down, whatever it does at that moment', async () => {
    await queue.close();
    let failed: () => void = () => undefined;
    const failure = new Promise<void>((resolve) => (failed = resolve));
    class BrokenStore extends RunStore {
      asked = 0;
      override async runs(): Promise<readonly QueuedRun[]> {
        // The second question is still open when the run's end is lost.
        if (++this.asked === 2) await failure.then(() => new Promise(setImmediate));
        return super.runs();
      }
      override setStatus(): Promise<void> {
        setImmediate(failed);
        return Promise.reject(new StorageError('the disk is full'));
      }
    }
    const broken = new RunQueue({ ...options, runs: new BrokenStore(database, systemClock) });
    await enqueue('broken', 100, [], 'broken');
    await expect(broken.serve()).rejects.toThrow('the disk is full');
    await broken.close();
  });

  it('does not begin again what ended while the list of runs was on its way', async () => {
    await queue.close();
    const runId = await enqueue('over', 60_000, []);
    await runs.setStatus(runId, 'finished');
    let asked = 0;
    class LateStore extends RunStore {
      override async runs(): Promise<readonly QueuedRun[]> {
        const list = await super.runs();
        if (++asked > 1) return list;
        return list.map((run) => ({ ...run, status: 'running' }));
      }
    }
    const late = new RunQueue({ ...options, runs: new LateStore(database, systemClock) });
    const done = late.serve();
    await enqueue('next', 60_000, []);
    await reported('runStarted next');
    expect(order()).toEqual(['runStarted next']);
    expect(await runs.run(runId)).toMatchObject({ status: 'finished', failure: null });
    await late.close();
    await done;
  });

  it('lets a run wait, and go on, when somebody asks for it', async () => {
    const runId = await enqueue('patient', 100, ['a'], 'two blobs', 100);
    await reported('runStarted patient');
    await runs.wish(runId, 'pause');
    await reported('runPaused patient');
    const before = (await runs.attempts(runId)).length;
    await runs.wish(runId, 'resume');
    await new Promise<void>((resolve) => waiting.push({ said: 'attempt patient', resolve }));
    expect((await runs.attempts(runId)).length).toBeGreaterThan(before);
  });
});
