/**
 * A whole federation on loopback: a coordinator with its database, three agents with a training process each, joined by
 * invitation, over real sockets and under secure aggregation.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startSite, type RunningSite, type SiteReport } from '../../client/agent/site.ts';
import { stopAgent } from '../../client/agent/stop.ts';
import { readLedger } from '../../client/ledger/ledger-file.ts';
import { readReceipts } from '../../client/ledger/receipt-files.ts';
import {
  openSiteFolder,
  readPolicy,
  siteIdentity,
  writePolicy,
  writeRoster,
  writeSite,
} from '../../client/config.ts';
import { sitePolicySchema } from '../../client/session/policy.ts';
import { askFederation, enrol } from '../../client/transport/coordinator-api.ts';
import { initCoordinator, type CoordinatorFolder } from '../../coordinator/config.ts';
import { readPlanFile, type PlanFile } from '../../coordinator/plan-file.ts';
import type { CoordinatorReport } from '../../coordinator/reports.ts';
import { startCoordinator, type RunningCoordinator } from '../../coordinator/server.ts';
import { openDatabase } from '../../coordinator/storage/database.ts';
import { ModelStore } from '../../coordinator/storage/model-store.ts';
import { RunStore } from '../../coordinator/storage/run-store.ts';
import { SiteRegistry } from '../../coordinator/storage/site-registry.ts';
import { z } from 'zod';
import { systemClock } from '../../shared/clock.ts';
import { fingerprintOf } from '../../shared/crypto/fingerprint.ts';
import { runIdSchema, siteIdSchema } from '../../shared/ids.ts';
import { readInvitation, writeInvitation } from '../../shared/protocol/enrolment.ts';
import { hashPlan, type Plan } from '../../shared/protocol/plan.ts';
import { architectureSchema, buildModel } from '../../shared/learning/architectures/architecture.ts';
import { writeModel } from '../../shared/learning/graph/model-file.ts';
import { initialWeights, manifestOf, weightsFromBytes } from '../../shared/learning/weights.ts';
import { networkOf } from '../../shared/protocol/plan-network.ts';
import { freePort } from '../free-port.ts';
import { startConsilium } from '../simulations/cli/run-consilium.ts';
import { makePhantoms } from '../../shared/data/phantoms.ts';

const NAMES = ['north', 'south', 'west'];
const run = runIdSchema.parse('first');

let root: string;
let folder: CoordinatorFolder;
let coordinator: RunningCoordinator;
let reports: CoordinatorReport[];
let waiting: { matches: (report: CoordinatorReport) => boolean; resolve: () => void }[];
const sites = new Map<string, RunningSite>();
const programs = new Set<ChildProcess>();

const hear = (report: CoordinatorReport): void => {
  reports.push(report);
  waiting = waiting.filter(({ matches, resolve }) => {
    if (!matches(report)) return true;
    resolve();
    return false;
  });
};
/** Resolves with the next report of which this is true. */
const reported = (matches: (report: CoordinatorReport) => boolean): Promise<void> =>
  new Promise((resolve) => {
    waiting.push({ matches, resolve });
  });

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'consilium-e2e-'));
  const port = await freePort();
  const config = { host: '127.0.0.1', port, url: `http://127.0.0.1:${String(port)}`, behindTlsProxy: false };
  folder = initCoordinator(join(root, 'coordinator'), config);
  reports = [];
  waiting = [];
  coordinator = await startCoordinator(folder, hear);
});
afterEach(async () => {
  for (const child of programs) child.kill('SIGKILL');
  programs.clear();
  for (const site of sites.values()) await site.stop();
  sites.clear();
  await coordinator.close();
  rmSync(root, { recursive: true });
});

const CNN = 'architecture: { name: cnn, options: { filters: [4], dense: 8 } }';

function writePlan(rounds: number, network = CNN, training = '{ epochs: 1 }'): PlanFile {
  const file = join(root, 'plan.yaml');
  const { classNames } = makePhantoms({ seed: 0, sites: 3, size: 16 });
  writeFileSync(
    file,
    `task: { name: phantoms, classNames: [${classNames.join(', ')}], imageDims: [1, 16, 16] }
preprocessing: { size: { height: 16, width: 16 } }
${network}
training: ${training}
federation: { strategy: fedavg, rounds: ${String(rounds)}, minimumCohort: 3, minimumSurvivors: 3 }
protection: { mode: secure-aggregation, smallCohortAcknowledged: true }
evaluation: {}
seed: 5
`,
  );
  return readPlanFile(file);
}

const inDatabase = async <T>(
  body: (stores: { registry: SiteRegistry; runs: RunStore }) => Promise<T>,
): Promise<T> => {
  const database = await openDatabase(folder.database);
  try {
    return await body({
      registry: new SiteRegistry(database, systemClock),
      runs: new RunStore(database, systemClock),
    });
  } finally {
    await database.destroy();
  }
};

/** As the commands do it: invited, enrolled, approved. */
async function enrolSite(name: string, index: number): Promise<void> {
  const siteId = siteIdSchema.parse(name);
  const path = join(root, name);
  const code = await inDatabase(async ({ registry }) =>
    writeInvitation({
      url: folder.config.url,
      siteId,
      fingerprint: fingerprintOf(folder.identity.publicKey),
      token: await registry.invite(siteId, 60_000),
    }),
  );
  const invitation = readInvitation(code);
  const { federationId, coordinatorKey } = await enrol(invitation, invitation, siteIdentity(path));
  await writeSite(
    path,
    {
      siteId,
      coordinator: { url: invitation.url, federationId, key: coordinatorKey },
      data: `phantoms:${String(index + 1)}/${String(NAMES.length)}`,
      engine: 'onnx',
    },
    sitePolicySchema.parse({ approvedPlans: [], minimumCohort: 3, smallCohortAcknowledged: true }),
  );
  await inDatabase(({ registry }) => registry.setStatus(siteId, 'active'));
}

async function approve(name: string, plan: Plan): Promise<void> {
  const site = openSiteFolder(join(root, name));
  const { plans, roster } = await askFederation(
    site.config.coordinator,
    site.config,
    site.identity,
    systemClock,
  );
  expect(plans.map(hashPlan)).toContain(hashPlan(plan));
  await writeRoster(site, roster);
  await writePolicy(site, { ...readPolicy(site), approvedPlans: [hashPlan(plan)] });
}

const start = async (name: string, report: (report: SiteReport) => void = () => undefined): Promise<void> => {
  sites.set(name, await startSite(openSiteFolder(join(root, name)), report));
};

async function startAll(names: readonly string[]): Promise<void> {
  for (const name of names) await start(name);
}

/** All sites are members and have approved the plan, whose run waits for them. */
async function queueApproved(plan: Plan): Promise<void> {
  for (const [index, name] of NAMES.entries()) await enrolSite(name, index);
  await inDatabase(async ({ runs }) => {
    await runs.enqueue(run, await runs.addPlan(plan));
  });
  for (const name of NAMES) await approve(name, plan);
}

const runEnds = (): Promise<void> => reported(({ kind }) => kind === 'runFinished' || kind === 'runFailed');

/** The agents start; resolves when the run has ended. */
async function runOf(names: readonly string[]): Promise<void> {
  const ended = runEnds();
  await startAll(names);
  await ended;
}

it('goes from invitations to a published model', async () => {
  const { plan } = writePlan(2);
  await queueApproved(plan);
  await runOf(NAMES);
  expect(reports.filter(({ kind }) => kind === 'runFailed' || kind === 'error')).toEqual([]);
  const models = await inDatabase(({ runs }) => runs.models(run));
  expect(models.map(({ round }) => round)).toEqual([1, 2]);
  const store = new ModelStore(folder.models);
  for (const { modelHash } of models)
    expect(await store.get(modelHash)).toHaveLength(4 * plan.parameterCount);
  // What went through the coordinator was masked: no update of its own is in the log.
  const log = JSON.stringify(reports);
  expect(log).not.toContain('exampleCount');
  const memory: unknown = JSON.parse(readFileSync(join(root, 'north', 'memory.json'), 'utf8'));
  expect(memory).toMatchObject({ unmasked: [{ runId: 'first', round: 2 }] });
});

it('starts from a model file that sites fetch when they need it, frozen up to a round', async () => {
  const options = { filters: [4], dense: 8, normalization: 'batch' };
  const backbone = buildModel(architectureSchema.parse({ name: 'cnn', options }), [1, 16, 16], 2);
  const described = { classNames: ['x', 'y'], activation: 'softmax', preprocessing: null } as const;
  writeFileSync(join(root, 'backbone.onnx'), writeModel(backbone, initialWeights(backbone, 3), described));
  const { plan, initialModel } = writePlan(
    3,
    'initialModel: { file: backbone.onnx, freeze: ["block*"], unfreezeAtRound: 3 }',
  );
  if (!initialModel) throw new Error('the plan names a file');
  const store = new ModelStore(folder.models);
  await store.put(initialModel);
  await queueApproved(plan);
  await runOf(NAMES);
  expect(reports.filter(({ kind }) => kind === 'runFailed' || kind === 'error')).toEqual([]);
  const models = await inDatabase(({ runs }) => runs.models(run));
  expect(models.map(({ round }) => round)).toEqual([1, 2, 3]);
  const { whole } = networkOf(plan, initialModel);
  const before = initialWeights(whole, plan.seed);
  const frozen = manifestOf(whole).entries.filter(({ name }) => name.startsWith('block'));
  for (const { round, modelHash } of models) {
    const weights = weightsFromBytes(await store.get(modelHash));
    expect(weights).toHaveLength(plan.parameterCount);
    const isAsBefore = frozen.map(({ offset, length }) =>
      weights.subarray(offset, offset + length).every((w, i) => w === before[offset + i]),
    );
    expect(isAsBefore, `round ${String(round)}`).toEqual(frozen.map(() => round < 3));
  }
  for (const name of NAMES)
    expect(readFileSync(join(root, name, 'models', `${plan.initialModel?.sha512 ?? ''}.onnx`))).toHaveLength(
      initialModel.length,
    );
});

/** The program as a person starts it. Resolves once its log says so. */
async function startProgram(name: string, says: string): Promise<ChildProcess> {
  const { child } = startConsilium(['site', 'start', '--json', '--dir', join(root, name)]);
  programs.add(child);
  await new Promise<void>((resolve, reject) => {
    let log = '';
    child.stdout?.on('data', (data: Buffer) => {
      log += data.toString();
      if (log.includes(says)) resolve();
    });
    child.once('exit', () => {
      reject(new Error(`the program ended before it said ${says}: ${log}`));
    });
  });
  return child;
}

it('goes on with a run in which a site was killed and came back', async () => {
  const { plan } = writePlan(2);
  await queueApproved(plan);
  const finished = runEnds();
  await startAll(['south', 'west']);
  const killed = await startProgram('north', '"trainingStarted"');
  await expect(startSite(openSiteFolder(join(root, 'north')), () => undefined)).rejects.toThrow(
    'runs already',
  );
  const gone = once(killed, 'exit');
  killed.kill('SIGKILL');
  expect(await gone).toEqual([null, 'SIGKILL']);
  const again = await startProgram('north', '"connected"');
  await finished;
  expect(reports.filter(({ kind }) => kind === 'runFailed')).toEqual([]);
  const models = await inDatabase(({ runs }) => runs.models(run));
  expect(models.map(({ round }) => round)).toEqual([1, 2]);
  const ended = once(again, 'exit');
  expect(await stopAgent(join(root, 'north', 'agent.lock'), 30_000)).toBe('stopped');
  expect(await ended).toEqual([143, null]);
  const { entries, fault } = await readLedger(
    join(root, 'north'),
    openSiteFolder(join(root, 'north')).identity.publicKey,
  );
  expect(fault).toBeUndefined();
  const kinds = entries.map(({ event }) => event.kind);
  expect(kinds.filter((kind) => kind === 'started')).toHaveLength(2);
  expect(kinds.at(-1)).toBe('stopped');
  const receipts = await readReceipts(join(root, 'north'), folder.identity.publicKey);
  expect(receipts.map(({ receipt, fault: wrong }) => [receipt?.evidence.context.round, wrong])).toEqual([
    [1, undefined],
    [2, undefined],
  ]);
}, 150_000);

it('goes on with a run after the coordinator was away', async () => {
  const { plan } = writePlan(3);
  await queueApproved(plan);
  const published = reported((report) => report.kind === 'attempt' && report.record.outcome === 'published');
  await startAll(NAMES);
  await published;
  await coordinator.close();
  const finished = runEnds();
  coordinator = await startCoordinator(folder, hear);
  await finished;
  expect(reports.filter(({ kind }) => kind === 'runFailed')).toEqual([]);
  expect(reports.map(({ kind }) => kind)).toContain('runResumed');
  const models = await inDatabase(({ runs }) => runs.models(run));
  expect(models.at(-1)?.round).toBe(3);
});

it('counts classes before it trains, once, also when the coordinator was away in between', async () => {
  const { plan } = writePlan(
    1,
    CNN,
    '{ epochs: 1, classWeighting: { kind: federated }, logitAdjustmentTau: 0.5 }',
  );
  await queueApproved(plan);
  const counted = reported((report) => report.kind === 'attempt' && report.record.outcome === 'counted');
  await startAll(NAMES);
  await counted;
  const finished = runEnds();
  await coordinator.close();
  coordinator = await startCoordinator(folder, hear);
  await finished;
  const records = reports.flatMap((report) => (report.kind === 'attempt' ? [report.record] : []));
  const counts = records.flatMap((record) => (record.outcome === 'counted' ? [record.classCounts] : []));
  expect(counts).toHaveLength(1);
  expect(records.at(-1)).toMatchObject({ outcome: 'published', round: 1, survivors: NAMES });
  // Each site remembers what it gave, and what all have together.
  const own = NAMES.map((name) => {
    const memory: unknown = JSON.parse(readFileSync(join(root, name, 'memory.json'), 'utf8'));
    expect(memory).toMatchObject({ tallies: [{ federation: counts[0] }] });
    return memorySchema.parse(memory).tallies[0]?.own ?? [];
  });
  expect(counts[0]).toEqual(plan.task.classNames.map((_, i) => own.reduce((sum, c) => sum + (c[i] ?? 0), 0)));
});

const memorySchema = z.object({ tallies: z.array(z.object({ own: z.array(z.number()) })) });

it('refuses what is not approved, a site that was suspended, and a stranger', async () => {
  await enrolSite('north', 0);
  const site = openSiteFolder(join(root, 'north'));
  const connected = reported((report) => report.kind === 'gateway' && report.report.kind === 'connected');
  const lost = reported((report) => report.kind === 'gateway' && report.report.kind === 'lost');
  await start('north');
  await connected;
  const approved = await askFederation(site.config.coordinator, site.config, site.identity, systemClock);
  expect(approved.plans).toEqual([]);
  await inDatabase(({ registry }) => registry.setStatus(siteIdSchema.parse('north'), 'suspended'));
  await lost;
  const ask = askFederation(site.config.coordinator, site.config, site.identity, systemClock);
  await expect(ask).rejects.toThrow('not active here');
  const stranger = { ...site.config, siteId: siteIdSchema.parse('stranger') };
  await expect(askFederation(site.config.coordinator, stranger, site.identity, systemClock)).rejects.toThrow(
    'refuses',
  );
});

it('does not answer requests of another form with more than a sentence', async () => {
  const post = async (path: string, body: string): Promise<readonly [number, string]> => {
    const response = await fetch(new URL(path, folder.config.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    return [response.status, await response.text()];
  };
  const form = '{"code":"malformed","message":"the request does not have the form that is described"}';
  expect(await post('/api/enroll', '{}')).toEqual([400, form]);
  expect(await post('/api/enroll', '{"__proto__":{"admin":true}}')).toEqual([400, form]);
  expect((await post('/api/enroll', '{'))[0]).toBe(400);
  expect((await post('/api/enroll', `"${'x'.repeat(100_000)}"`))[0]).toBe(413);
  for (const [path, body] of [
    ['/api/enroll', '{'],
    ['/api/../../etc/passwd', '{}'],
  ] as const)
    expect((await post(path, body))[1]).not.toMatch(/node_modules|at .*\.ts|Error:/);
  const [health, ready] = await Promise.all(
    ['/healthz', '/readyz'].map((path) => fetch(new URL(path, folder.config.url))),
  );
  expect([health?.status, ready?.status]).toEqual([200, 200]);
});
