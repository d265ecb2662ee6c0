/** What the console shows, of a federation with two runs: one that has ended, one that waits. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { StoredEvaluation } from '../../../coordinator/storage/stored-evaluation.ts';
import { ROLES, type Role } from '../../../coordinator/storage/tables.ts';
import { toHex } from '../../../shared/crypto/bytes.ts';
import { createIdentity, type Identity } from '../../../shared/crypto/identity.ts';
import { signStatement, verifyStatement } from '../../../shared/crypto/statement.ts';
import { planHashSchema, runIdSchema, siteIdSchema, type PlanHash } from '../../../shared/ids.ts';
import { enrolStatement, readInvitation } from '../../../shared/protocol/enrolment.ts';
import { encodeModel } from '../../../shared/protocol/model-payload.ts';
import { signSiteAbout, type SiteAbout } from '../../../shared/protocol/site-about.ts';
import { createApiWorld, type Answer, type ApiWorld, type Person } from './api-world.ts';

const PLAN = {
  task: { name: 'two blobs', classNames: ['left', 'right'], imageDims: [1, 8, 8] },
  preprocessing: { size: { height: 8, width: 8 } },
  architecture: { name: 'cnn', options: { filters: [2], dense: 4 } },
  training: { epochs: 1 },
  federation: { strategy: 'fedavg', rounds: 3, minimumCohort: 3, minimumSurvivors: 3 },
  protection: { mode: 'secure-aggregation', smallCohortAcknowledged: true },
  evaluation: {},
  seed: 5,
};
const run = runIdSchema.parse('chest');
const [north, south] = [siteIdSchema.parse('north'), siteIdSchema.parse('south')];

let world: ApiWorld;
const people = new Map<Role, Person>();
const identities = new Map<string, Identity>();
let planHash: PlanHash;
let otherHash: PlanHash;

const as = (role: Role): Person => people.get(role) ?? expect.fail(`nobody is ${role}`);
const get = (path: string, role: Role = 'auditor'): Promise<Answer> => as(role).ask('GET', `/api/v1${path}`);
const change = (method: string, path: string, body: object, role: Role = 'administrator'): Promise<Answer> =>
  as(role).ask(method, `/api/v1${path}`, { body });

const evaluation = (auc: number): StoredEvaluation => ({
  ...{
    exampleCount: 4,
    patientCount: 4,
    classNames: ['left', 'right'],
    confusion: [
      [2, 0],
      [1, 1],
    ],
  },
  metrics: {
    auc: { value: auc, interval: { low: auc - 0.1, high: auc + 0.1 } },
    logLoss: { value: 0.4, interval: null },
  },
  classes: ['left', 'right'].map((name) => ({
    ...{ name, support: 2, metrics: {}, precisionRecall: [] },
    roc: [
      [0, 0],
      [1, 1],
    ] as [number, number][],
  })),
  calibration: [{ low: 0, high: 1, count: 4, confidence: 0.7, accuracy: 0.75 }],
});

async function enrol(siteId: string): Promise<void> {
  const { body } = await change('POST', '/invitations', { siteId });
  const invitation = readInvitation((body as { invitation: string }).invitation);
  const identity = createIdentity();
  identities.set(siteId, identity);
  const { token } = invitation;
  const publicKey = toHex(identity.publicKey);
  const { purpose, fields } = enrolStatement({ siteId: invitation.siteId, token, publicKey });
  const signature = signStatement(identity, purpose, fields);
  await world.ask('POST', '/api/enroll', { body: { siteId, token, publicKey, signature } });
  await change('PUT', `/sites/${siteId}/status`, { status: 'active' });
}

const tell = (about: SiteAbout, changes: { atMs?: number; identity?: Identity } = {}): Promise<Answer> => {
  const { atMs = world.time.nowMs, identity = identities.get('north') ?? expect.fail() } = changes;
  const { federationId } = world.folder;
  return world.ask('POST', '/api/site-about', {
    body: signSiteAbout(identity, north, { federationId, about, atMs }),
  });
};

const ABOUT: SiteAbout = {
  program: { version: '1.2.3', engine: 'onnx-cuda', device: 'NVIDIA H200' },
  counts: {
    ...{ images: { low: 30, high: 30 }, patients: { low: 10, high: 99 } },
    classes: [
      { name: 'left', images: 10 },
      { name: 'right', images: 20 },
    ],
  },
};

async function publishRounds(): Promise<void> {
  const { runs, models, history } = world.services;
  const plan = (await runs.findPlan(planHash)) ?? expect.fail();
  await runs.changeStatus(run, ['queued'], 'running');
  await history.addEvent(run, { kind: 'started' });
  for (const round of [1, 2]) {
    const weights = Float32Array.from({ length: plan.parameterCount }, (_, i) => Math.sin(i * round));
    const modelHash = await models.put(encodeModel(weights));
    const score = round / 4;
    await runs.publish(run, { round, modelHash, score });
    await runs.addAttempt(run, round - 1, {
      ...{ outcome: 'published', round, attempt: 1, modelHash, survivors: [north] },
      ...{
        loss: 0.5,
        score,
        metrics: { auc: score },
        meanLoss: 0.6,
        dropped: [{ siteId: south, reason: 'deadline' }],
      },
    });
    const span = (startMs: number, endMs: number) => ({ phase: 'training' as const, startMs, endMs });
    await history.keepAttempt(run, {
      ...{ round, attempt: 1, outcome: 'published', startMs: 1000, endMs: 4000, spans: [span(1000, 4000)] },
      sites: [
        {
          siteId: north,
          state: 'survived',
          reason: null,
          bytesUp: 70,
          bytesDown: 30,
          steps: 4,
          spans: [span(1000, 3000)],
        },
        {
          siteId: south,
          state: 'dropped',
          reason: 'deadline',
          bytesUp: 5,
          bytesDown: 30,
          steps: 0,
          spans: [span(1000, 4000)],
        },
      ],
    });
    await history.addEvent(run, {
      kind: 'dropped',
      round,
      attempt: 1,
      siteId: south,
      phase: 'training',
      reason: 'deadline',
    });
  }
  await history.keepEvaluation(run, { round: 2, best: 2, evaluation: evaluation(0.5) });
}

beforeAll(async () => {
  world = await createApiWorld();
  for (const role of ROLES) people.set(role, await world.person(role));
  await enrol('north');
  await enrol('south');
  const add = async (plan: object): Promise<PlanHash> => {
    const { body } = await change('POST', '/plans', { text: stringify(plan) }, 'researcher');
    return planHashSchema.parse((body as { planHash: string }).planHash);
  };
  planHash = await add(PLAN);
  otherHash = await add({ ...PLAN, federation: { ...PLAN.federation, rounds: 9 } });
  await change('POST', '/runs', { runId: run, planHash });
  await publishRounds();
});
afterAll(() => world.close());

describe('sites', () => {
  it('are shown with what they tell of themselves, signed by them alone', async () => {
    const before = world.changes();
    const about = { ...ABOUT, approvedPlans: [planHash], refusedPlans: [otherHash] };
    expect((await tell(about)).status).toBe(204);
    expect(world.changes()).toBe(before + 1);
    world.connected.push(north);
    expect(await get('/sites/north')).toMatchObject({
      status: 200,
      body: {
        site: {
          ...{ siteId: 'north', isConnected: true, runId: null, program: ABOUT.program },
          counts: { images: { low: 30, high: 30 }, patients: { low: 10, high: 99 } },
          ...{ toldAt: '2026-01-01T00:00:00.000Z', lastContactAt: '2026-01-01T00:00:00.000Z' },
        },
        rounds: [
          { runId: run, state: 'survived', bytesUp: 70, steps: 4 },
          { runId: run, state: 'survived' },
        ],
        plans: [{ decision: 'approved' }, { planHash: otherHash, decision: 'refused' }],
      },
    });
    expect(await get('/sites/south')).toMatchObject({
      body: {
        site: { program: null, counts: null, toldAt: null, lastContactAt: '2026-01-01T00:00:00.000Z' },
        plans: [{ decision: 'open' }, { decision: 'open' }],
      },
    });
    expect((await get('/sites/nowhere')).status).toBe(404);
    const forged = await tell({ program: { ...ABOUT.program, version: 'x' } } as SiteAbout, {
      identity: createIdentity(),
    });
    expect(forged.status).toBe(403);
    // An older word, and one of another time.
    expect((await tell({}, { atMs: world.time.nowMs - 1000 })).status).toBe(204);
    expect((await tell({}, { atMs: world.time.nowMs - 600_000 })).status).toBe(403);
    expect((await world.ask('POST', '/api/site-about', { body: { siteId: 'north' } })).status).toBe(400);
    expect(await get('/sites/north')).toMatchObject({ body: { site: { program: { version: '1.2.3' } } } });
  });

  it('are invited, and invitations withdrawn by an administrator alone', async () => {
    await change('POST', '/invitations', { siteId: 'west', hours: 1 });
    const { body } = await get('/invitations');
    const { invitations } = body as { invitations: { id: string; siteId: string; isExpired: boolean }[] };
    expect(invitations).toMatchObject([{ siteId: 'west', isExpired: false }]);
    const id = invitations[0]?.id ?? '';
    expect((await get('/invitations', 'researcher')).status).toBe(403);
    expect((await change('DELETE', `/invitations/${id}`, {}, 'auditor')).status).toBe(403);
    expect((await change('DELETE', `/invitations/${id}`, {})).status).toBe(204);
    expect((await change('DELETE', `/invitations/${id}`, {})).status).toBe(409);
    expect(await get('/invitations')).toMatchObject({ body: { invitations: [] } });
  });
});

describe('plans', () => {
  it('are shown with their text, the sites’ decisions, and what is different from another', async () => {
    const { body } = await get(`/plans/${planHash}`);
    expect(body).toMatchObject({
      ...{ isRemovable: false, runs: [run] },
      sites: [
        { siteId: 'north', decision: 'approved' },
        { siteId: 'south', decision: 'open' },
      ],
    });
    const { text } = body as { text: string };
    const again = await change('POST', '/plans/check', { text }, 'researcher');
    expect(again).toMatchObject({ status: 200, body: { planHash } });
    expect(await get('/plans')).toMatchObject({
      body: {
        plans: [
          { planHash, runs: 1, approvals: 1, activeSites: 2, rounds: 3, protection: 'secure-aggregation' },
          { planHash: otherHash, runs: 0, approvals: 0 },
        ],
      },
    });
    expect(await get(`/plans/${otherHash}/difference/${planHash}`)).toMatchObject({
      body: { differences: ['federation, rounds: 9 (was 3)'] },
    });
    expect(await get(`/plans/${planHash}/difference/${planHash}`)).toMatchObject({
      body: { differences: [] },
    });
  });

  it('are removed as long as nobody has used them', async () => {
    expect((await change('DELETE', `/plans/${planHash}`, {}, 'researcher')).status).toBe(409);
    const { body } = await change('POST', '/plans', { text: stringify({ ...PLAN, seed: 6 }) }, 'researcher');
    const draft = (body as { planHash: string }).planHash;
    expect((await change('DELETE', `/plans/${draft}`, {}, 'auditor')).status).toBe(403);
    expect((await change('DELETE', `/plans/${draft}`, {}, 'researcher')).status).toBe(204);
    expect((await change('DELETE', `/plans/${draft}`, {}, 'researcher')).status).toBe(404);
  });
});

describe('a run', () => {
  it('is shown in figures, round by round and site by site', async () => {
    const { body } = await get(`/runs/${run}/rounds`);
    expect(body).toMatchObject({
      rounds: [
        {
          round: 1,
          isBest: false,
          metrics: { auc: { value: 0.25, interval: null } },
          bytesUp: 75,
          bytesDown: 60,
        },
        {
          ...{ round: 2, isBest: true, score: 0.5, trainingLoss: 0.6, survivors: 1, dropped: 1, seconds: 3 },
          metrics: { auc: { value: 0.5, interval: { low: 0.4, high: 0.6 } } },
        },
      ],
    });
    expect(await get(`/runs/${run}/sites`)).toMatchObject({
      body: {
        sites: [
          { siteId: 'north', roundsIn: 2, attempts: 2, bytesUp: 140, bytesDown: 60, seconds: 4, drops: [] },
          {
            ...{ siteId: 'south', roundsIn: 0, attempts: 2, seconds: 6 },
            drops: [{ round: 1, attempt: 1, phase: 'training', reason: 'deadline' }, { round: 2 }],
          },
        ],
      },
    });
    expect(await get(`/runs/${run}/attempts`)).toMatchObject({
      body: { attempts: [{ round: 1, outcome: 'published', hasTimeline: true }, { round: 2 }] },
    });
    expect(await get(`/runs/${run}/timelines/2/1`)).toMatchObject({
      body: {
        outcome: 'published',
        startMs: 1000,
        endMs: 4000,
        sites: [{ siteId: 'north' }, { siteId: 'south' }],
      },
    });
    expect((await get(`/runs/${run}/timelines/2/2`)).status).toBe(404);
    for (const part of ['rounds', 'sites', 'attempts', 'progress', 'privacy', 'events', 'partition'])
      expect([part, (await get(`/runs/nothing/${part}`)).status]).toEqual([part, 404]);
  });

  it('is judged: its best, its last or any model', async () => {
    const { body } = await get(`/runs/${run}/evaluations/best`);
    expect(body).toMatchObject({
      round: 2,
      confusion: [
        [2, 0],
        [1, 1],
      ],
      classes: [
        {
          roc: [
            [0, 0],
            [1, 1],
          ],
        },
        {},
      ],
    });
    expect((await get(`/runs/${run}/evaluations/last`)).body).toEqual(body);
    expect((await get(`/runs/${run}/evaluations/2`)).body).toEqual(body);
    expect((await get(`/runs/${run}/evaluations/1`)).status).toBe(404);
    expect((await get(`/runs/${run}/evaluations/7`)).status).toBe(404);
    expect((await get(`/runs/${run}/evaluations/first`)).status).toBe(400);
  });

  it('says what happened, page by page, and what it does for privacy', async () => {
    const { body } = await get(`/runs/${run}/events?limit=2`);
    expect(body).toMatchObject({
      events: [
        {
          sequence: 3,
          severity: 'warning',
          siteId: 'south',
          text: expect.stringContaining('deadline') as string,
        },
        { sequence: 2 },
      ],
      ...{ next: 2, total: 3 },
    });
    expect(await get(`/runs/${run}/events?before=2`)).toMatchObject({
      body: { events: [{ sequence: 1, text: 'The run began.' }], next: null },
    });
    expect(await get(`/runs/${run}/privacy`)).toMatchObject({
      body: { mode: 'secure-aggregation', threshold: 3, epsilon: null, minimumSurvivors: 3 },
    });
    expect(await get(`/runs/${run}/partition`)).toMatchObject({
      body: {
        partition: {
          ...{ classNames: ['left', 'right'], unknown: ['south'] },
          sites: [{ siteId: 'north', images: [10, 20] }],
        },
      },
    });
  });

  it('is shown while it goes on, with the server’s time', async () => {
    const { watch } = world.services;
    expect(await get(`/runs/${run}/progress`)).toMatchObject({ body: { progress: null } });
    watch.observe({
      ...{ kind: 'round', runId: run, round: 3, attempt: 1 },
      report: { kind: 'phaseEntered', phase: 'selecting', cohortSize: 2 },
    });
    // The deadline follows from the plan, which is looked up.
    await expect
      .poll(async () => ((await get(`/runs/${run}/progress`)).body as { progress: object }).progress)
      .toMatchObject({
        phase: 'selecting',
        deadlineMs: world.time.nowMs + 60_000,
        serverNowMs: world.time.nowMs,
      });
    expect(await get(`/runs/${run}/attempts`)).toMatchObject({
      body: { attempts: [{}, {}, { round: 3, outcome: 'running', hasTimeline: true }] },
    });
    expect(await get(`/runs/${run}/timelines/3/1`)).toMatchObject({
      body: { outcome: 'running', endMs: null },
    });
    expect(await get('/overview')).toMatchObject({
      body: {
        ...{ serverNowMs: world.time.nowMs, sites: { active: 2, online: 1, pending: 0 } },
        runs: { running: 1 },
        current: [
          {
            ...{ runId: run, roundsDone: 2, rounds: 3, progress: { round: 3 } },
            last: { round: 2, score: 0.5, metrics: { auc: { value: 0.5 } } },
          },
        ],
      },
    });
  });

  it('waits where an administrator puts it', async () => {
    for (const runId of ['one', 'two']) await change('POST', '/runs', { runId, planHash });
    const waiting = async () =>
      ((await get('/runs')).body as { runs: { runId: string; queuePosition: number | null }[] }).runs
        .filter(({ queuePosition }) => queuePosition !== null)
        .map(({ runId, queuePosition }) => `${String(queuePosition)} ${runId}`);
    expect(await waiting()).toEqual(['1 one', '2 two']);
    for (const role of ['researcher', 'auditor'] as const)
      expect((await change('PUT', '/runs/two/position', { before: 'one' }, role)).status).toBe(403);
    expect((await change('PUT', '/runs/two/position', { before: 'one' })).status).toBe(204);
    expect(await waiting()).toEqual(['1 two', '2 one']);
    expect((await change('PUT', '/runs/two/position', { before: null })).status).toBe(204);
    expect(await waiting()).toEqual(['1 one', '2 two']);
    expect((await change('PUT', `/runs/${run}/position`, { before: null })).status).toBe(409);
    expect(await get('/runs')).toMatchObject({
      body: {
        runs: [{ runId: run, roundsDone: 2, bestScore: 0.5, planName: 'two blobs', rounds: 3 }, {}, {}],
      },
    });
  });
});

describe('models', () => {
  it('are shown with a signed provenance, and compared', async () => {
    const { body } = await get(`/runs/${run}/models/2`);
    expect(body).toMatchObject({
      model: { isBest: true, isCurrent: false },
      file: { state: 'whole' },
      provenance: { sites: ['north'], planHash, round: 2 },
      evaluation: { round: 2 },
    });
    const { provenance } = body as {
      provenance: { signature: string; fingerprint: string; parentHash: string };
    };
    const { signature } = provenance;
    const isSigned = ([name]: [string, unknown]): boolean => name !== 'signature' && name !== 'fingerprint';
    const fields = Object.fromEntries(Object.entries(provenance).filter(isSigned));
    const key = world.folder.identity.publicKey;
    expect(verifyStatement(key, { purpose: 'model', fields, signature })).toBe(true);
    const [first] = await world.services.runs.models(run);
    expect(provenance.parentHash).toBe(first?.modelHash);
    expect(await get(`/models/comparison?a=${run}:1&b=${run}:2`)).toMatchObject({
      body: {
        metrics: [
          { name: 'auc', a: 0.25, b: 0.5, difference: 0.25, isLossMetric: false },
          { name: 'logLoss', a: null, b: 0.4, difference: null, isLossMetric: true },
        ],
        planDifferences: [],
      },
    });
    for (const [query, status] of [
      [`a=${run}:1&b=${run}:9`, 404],
      [`a=${run}&b=${run}:2`, 400],
      [`a=${run}:-1&b=${run}:2`, 400],
      [`a=../x:1&b=${run}:2`, 400],
    ] as const)
      expect([query, (await get(`/models/comparison?${query}`)).status]).toEqual([query, status]);
    expect(await get('/models?limit=1')).toMatchObject({
      body: { models: [{ round: 2 }], next: 1, total: 2 },
    });
    expect(await get('/models?offset=1')).toMatchObject({ body: { models: [{ round: 1 }], next: null } });
  });

  it('are put into use and taken back by an administrator alone', async () => {
    for (const role of ['researcher', 'auditor'] as const) {
      expect((await change('PUT', '/models/current', { runId: run, round: 1 }, role)).status).toBe(403);
      expect((await change('POST', '/models/rollback', {}, role)).status).toBe(403);
    }
    expect(await get('/models/current')).toMatchObject({
      body: { current: null, previous: null, history: [] },
    });
    expect((await change('PUT', '/models/current', { runId: run, round: 7 })).status).toBe(404);
    await change('PUT', '/models/current', { runId: run, round: 1 });
    expect(await change('PUT', '/models/current', { runId: run, round: 2 })).toMatchObject({
      body: { current: { round: 2, isCurrent: true }, previous: { round: 1 } },
    });
    expect(await change('POST', '/models/rollback', {})).toMatchObject({
      body: {
        ...{ current: { round: 1 }, previous: null },
        history: [{ act: 'rolled-back', round: 1, actor: 'the-administrator' }, { round: 2 }, { round: 1 }],
      },
    });
    expect((await change('POST', '/models/rollback', {})).status).toBe(409);
  });
});

describe('the ledger, the people and the settings', () => {
  it('are searched and exported by those who may read them', async () => {
    expect(await get('/ledger/search?act=model-promoted&limit=1')).toMatchObject({
      body: { entries: [{ subject: `${run}:2` }], next: expect.any(Number) as number },
    });
    expect(await get('/ledger/search?text=WEST&actor=the-administrator')).toMatchObject({
      body: { entries: [{ act: 'site-invited' }], next: null },
    });
    expect(await get('/ledger/search?from=yesterday')).toMatchObject({ status: 400 });
    expect((await get('/ledger/choices')).text).toContain('"site-invited"');
    const { text, headers } = await get('/ledger/export');
    expect(headers.get('content-disposition')).toContain('ledger.jsonl');
    const lines = text.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { sequence: number }).sequence)).toEqual(
      lines.map((_, i) => i + 1),
    );
    for (const path of [
      '/ledger/search',
      '/ledger/choices',
      '/ledger/export',
      '/sessions',
      '/settings',
      '/users',
    ])
      expect([path, (await get(path, 'researcher')).status]).toEqual([path, 403]);
  });

  it('lists sessions without what opens them, and ends one', async () => {
    const { body, text } = await get('/sessions');
    const { sessions } = body as { sessions: { id: string; user: string; isOwn: boolean }[] };
    expect(sessions.filter(({ isOwn }) => isOwn)).toMatchObject([{ user: 'the-auditor' }]);
    for (const { cookie } of people.values()) expect(text).not.toContain(cookie.split('=')[1]);
    const own = sessions.find(({ isOwn }) => isOwn)?.id ?? '';
    expect((await change('DELETE', `/sessions/${own}`, {}, 'auditor')).status).toBe(403);
    expect((await change('DELETE', `/sessions/${own}`, {})).status).toBe(204);
    expect((await get('/sessions')).status).toBe(401);
    expect((await change('DELETE', `/sessions/${own}`, {})).status).toBe(409);
  });

  it('shows the settings without secrets, and who tried to log in', async () => {
    await world.login('nobody-here', 'a secret password');
    const { body, text } = await get('/settings', 'administrator');
    expect(body).toMatchObject({
      configuration: { transport: 'plain-loopback', database: 'sqlite', hasValidationImages: false },
      ...{ certificate: null, storage: { modelFiles: 2 } },
    });
    const { logins, storage } = body as {
      logins: { attempts: { outcome: string; user: string | null }[] };
      storage: Record<string, number>;
    };
    expect(logins.attempts[0]).toMatchObject({ outcome: 'wrong', user: null });
    expect(logins.attempts.at(-1)).toMatchObject({ outcome: 'open', user: 'the-administrator' });
    for (const name of ['modelsBytes', 'freeBytes', 'totalBytes']) expect(storage[name]).toBeGreaterThan(0);
    expect(text).not.toMatch(/secret password|nobody-here|keys\.json/);
    expect(text).not.toContain(world.folder.path);
  });

  it('has failed nowhere inside', () => {
    expect(world.errors).toEqual([]);
  });
});
