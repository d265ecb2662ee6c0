import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unzipSync } from 'fflate';
import { stringify } from 'yaml';
import { ACCESS, isAllowed } from '../../../coordinator/http/api/access.ts';
import { apiRoutes } from '../../../coordinator/http/api/routes.ts';
import { ROLES, type Role } from '../../../coordinator/storage/tables.ts';
import { toHex } from '../../../shared/crypto/bytes.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { signStatement } from '../../../shared/crypto/statement.ts';
import { modelHashSchema, runIdSchema, siteIdSchema } from '../../../shared/ids.ts';
import { readModelFile } from '../../../shared/learning/graph/model-file.ts';
import { enrolStatement, readInvitation } from '../../../shared/protocol/enrolment.ts';
import { encodeModel } from '../../../shared/protocol/model-payload.ts';
import { hashPlan, planSchema } from '../../../shared/protocol/plan.ts';
import { createApiWorld, type ApiWorld, type Person } from './api-world.ts';

const PLAN = {
  task: { name: 'two | blobs', classNames: ['left', 'right'], imageDims: [1, 8, 8] },
  preprocessing: { size: { height: 8, width: 8 } },
  architecture: { name: 'cnn', options: { filters: [2], dense: 4 } },
  training: { epochs: 1 },
  federation: { strategy: 'fedavg', rounds: 3, minimumCohort: 3, minimumSurvivors: 3 },
  protection: { mode: 'secure-aggregation', smallCohortAcknowledged: true },
  evaluation: {},
  seed: 5,
};
const text = stringify(PLAN);
const [first, north] = [runIdSchema.parse('first'), siteIdSchema.parse('north')];

let world: ApiWorld;
const people = new Map<Role, Person>();
beforeAll(async () => {
  world = await createApiWorld();
  for (const role of ROLES) people.set(role, await world.person(role));
});
afterAll(() => world.close());
const as = (role: Role): Person => {
  const person = people.get(role);
  if (!person) throw new Error(`nobody is ${role}`);
  return person;
};

describe('roles', () => {
  it('are looked at on every route, before anything of the request is', async () => {
    const routes = apiRoutes(world.services).filter(
      ({ operation }) => !['login', 'logout'].includes(operation),
    );
    expect(routes.length).toBeGreaterThan(20);
    for (const { operation, method, path } of routes) {
      // Nothing of it is as described, so that no route does anything.
      const url = `${path.replaceAll(/:\w+/g, '-')}?unknown=1`;
      const options = method === 'get' ? {} : { body: { unknown: 1 } };
      const stranger = await world.ask(method.toUpperCase(), url, options);
      expect([operation, stranger.status]).toEqual([operation, 401]);
      for (const role of ROLES) {
        const { status } = await as(role).ask(method.toUpperCase(), url, options);
        expect([operation, role, status]).toEqual([
          operation,
          role,
          isAllowed(ACCESS[operation], role) ? 400 : 403,
        ]);
      }
    }
  });

  it('let a researcher write plans, an auditor read, and only an administrator act', () => {
    const may = (role: Role) =>
      Object.entries(ACCESS).flatMap(([operation, access]) => (isAllowed(access, role) ? [operation] : []));
    const changes = ['inviteSite', 'changeSite', 'addRun', 'wishRun', 'addUser', 'changeUser', 'removeUser'];
    expect(may('administrator').sort()).toEqual(Object.keys(ACCESS).sort());
    expect(may('researcher').filter((operation) => changes.includes(operation))).toEqual([]);
    expect(may('researcher')).toContain('addPlan');
    expect(
      may('auditor').filter((operation) => [...changes, 'addPlan', 'checkPlan'].includes(operation)),
    ).toEqual([]);
    expect(may('auditor')).toContain('listLedger');
  });

  it('let nobody but an administrator change anything, but for plans and what is one’s own', () => {
    const own = ['login', 'logout', 'changeOwnPassword'];
    const changing = apiRoutes(world.services).filter(
      ({ method, operation }) => method !== 'get' && !own.includes(operation),
    );
    expect(changing.length).toBeGreaterThan(12);
    const may = (role: Role) =>
      changing.map(({ operation }) => operation).filter((operation) => isAllowed(ACCESS[operation], role));
    expect(may('auditor')).toEqual([]);
    expect(may('researcher').sort()).toEqual(['addPlan', 'checkPlan', 'removePlan']);
    expect(may('administrator')).toHaveLength(changing.length);
  });
});

describe('sites', () => {
  it('are invited, approved, suspended and removed', async () => {
    const admin = as('administrator');
    const { body, status } = await admin.ask('POST', '/api/v1/invitations', { body: { siteId: 'north' } });
    expect(status).toBe(201);
    const { invitation: code } = body as { invitation: string };
    const { token, siteId } = readInvitation(code);
    const identity = createIdentity();
    const publicKey = toHex(identity.publicKey);
    const { purpose, fields } = enrolStatement({ siteId, token, publicKey });
    const signature = signStatement(identity, purpose, fields);
    expect(
      (await world.ask('POST', '/api/enroll', { body: { siteId, token, publicKey, signature } })).status,
    ).toBe(201);
    const change = (status_: string, site = 'north') =>
      admin.ask('PUT', `/api/v1/sites/${site}/status`, { body: { status: status_ } });
    expect(await change('suspended')).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(await change('active')).toMatchObject({
      body: { siteId: 'north', status: 'active', isConnected: false },
    });
    world.connected.push(north);
    expect(await as('auditor').ask('GET', '/api/v1/sites')).toMatchObject({
      body: { sites: [{ siteId: 'north', status: 'active', isConnected: true }] },
    });
    expect(await change('active', 'south')).toMatchObject({
      status: 404,
      body: { message: 'there is no site south' },
    });
    expect(await change('pending')).toMatchObject({ status: 400 });
  });
});

describe('plans', () => {
  it('are checked, kept and explained', async () => {
    const researcher = as('researcher');
    const checked = await researcher.ask('POST', '/api/v1/plans/check', { body: { text } });
    expect(checked).toMatchObject({ status: 200, body: { plan: { task: PLAN.task } } });
    expect(await researcher.ask('GET', '/api/v1/plans')).toMatchObject({ body: { plans: [] } });
    const added = await researcher.ask('POST', '/api/v1/plans', { body: { text } });
    expect(added).toMatchObject({ status: 201, body: checked.body });
    const { planHash, plan, summary } = added.body as { planHash: string; plan: unknown; summary: string[] };
    expect(planHash).toBe(hashPlan(planSchema.parse(plan)));
    expect(summary.join(' ')).toContain('3 rounds');
    expect(await researcher.ask('GET', `/api/v1/plans/${planHash}`)).toMatchObject({
      status: 200,
      body: added.body,
    });
    expect(await researcher.ask('GET', `/api/v1/plans/${'0'.repeat(128)}`)).toMatchObject({ status: 404 });
  });

  it.each([
    ['no YAML', '{', 'neither YAML nor JSON'],
    ['no plan', 'a: 1', 'task'],
    ['an unknown key', `${text}other: 1\n`, 'other'],
    [
      'a combination that cannot work',
      text.replace('minimumSurvivors: 3', 'minimumSurvivors: 9'),
      'minimumSurvivors',
    ],
    [
      'a file of the coordinator',
      text.replace(/architecture:[\s\S]*?training:/, 'initialModel: { file: /etc/passwd }\ntraining:'),
      'initialModel',
    ],
    [
      'a bomb of aliases',
      `a: &a [1,1,1]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]\n`,
      'alias',
    ],
  ])('are refused with the reason when they are %s', async (_, wrong, reason) => {
    const answer = await as('researcher').ask('POST', '/api/v1/plans', { body: { text: wrong } });
    expect(answer).toMatchObject({ status: 422, body: { code: 'plan-invalid' } });
    expect(answer.text).toContain(reason);
  });
});

describe('runs and models', () => {
  it('go through the queue, and are read with what they came to', async () => {
    const admin = as('administrator');
    const { runs, models } = world.services;
    const plan = (await admin.ask('POST', '/api/v1/plans/check', { body: { text } })).body as {
      planHash: string;
    };
    const add = (runId: string, rest = {}) =>
      admin.ask('POST', '/api/v1/runs', { body: { runId, planHash: plan.planHash, ...rest } });
    expect(await add('first', { sites: ['north'] })).toMatchObject({ status: 409 });
    expect(await add('first')).toMatchObject({
      status: 201,
      body: { runId: 'first', status: 'queued', sites: null },
    });
    expect(await add('first')).toMatchObject({ status: 409 });
    expect(await add('second', { sites: ['nowhere'] })).toMatchObject({ status: 404 });
    expect(
      await admin.ask('POST', '/api/v1/runs', { body: { runId: 'x', planHash: '0'.repeat(128) } }),
    ).toMatchObject({
      status: 404,
    });
    const wish = (wanted: string) =>
      admin.ask('POST', '/api/v1/runs/first/wishes', { body: { wish: wanted } });
    expect(await wish('pause')).toMatchObject({ status: 409, body: { message: 'run first is queued' } });
    await runs.changeStatus(first, ['queued'], 'running');
    expect(await wish('pause')).toMatchObject({ body: { status: 'paused' } });
    expect(await wish('resume')).toMatchObject({ body: { status: 'running' } });

    const stored = (await runs.plans())[0];
    if (!stored) throw new Error('no plan');
    const weights = Float32Array.from({ length: stored.plan.parameterCount }, (_, i) => Math.sin(i));
    const modelHash = await models.put(encodeModel(weights));
    await runs.publish(first, { round: 1, modelHash, score: 0.75 });
    await runs.addAttempt(first, 0, {
      ...{ outcome: 'published', round: 1, attempt: 1, dropped: [], modelHash, survivors: [north] },
      ...{ loss: 0.5, score: 0.75, metrics: { auc: 0.75 }, meanLoss: null },
    });
    expect(await as('auditor').ask('GET', '/api/v1/runs/first')).toMatchObject({
      status: 200,
      body: {
        run: { status: 'running' },
        attempts: [{ outcome: 'published', survivors: ['north'], metrics: { auc: 0.75 } }],
        models: [{ round: 1, modelHash, score: 0.75 }],
      },
    });
    expect(await wish('stop')).toMatchObject({ body: { status: 'stopped' } });
  });

  it('are downloaded as files that others read, with a card', async () => {
    const download = async (path: string) => {
      const { server } = world;
      const address = server.address();
      if (typeof address !== 'object' || address === null) throw new Error('no port');
      const response = await fetch(
        `http://127.0.0.1:${String(address.port)}/api/v1/runs/first/models/${path}`,
        {
          headers: { cookie: as('auditor').cookie },
        },
      );
      const disposition = response.headers.get('content-disposition');
      return { status: response.status, disposition, bytes: new Uint8Array(await response.arrayBuffer()) };
    };
    const onnx = await download('1/onnx');
    expect(onnx).toMatchObject({ status: 200, disposition: 'attachment; filename=first-round-1.onnx' });
    const { weights, metadata } = readModelFile(onnx.bytes);
    expect(weights[3]).toBeCloseTo(Math.sin(3), 6);
    expect(metadata.get('consilium.run')).toBe('first');
    const zip = await download('1/layers-model');
    expect(Object.keys(unzipSync(zip.bytes))).toContain('model.json');
    expect((await download('1/layers-model')).bytes).toEqual(zip.bytes);
    const card = new TextDecoder().decode((await download('1/card')).bytes);
    expect(card).toContain('# Model card: two \\| blobs');
    expect(card).toContain('| auc | 0.7500 |');
    expect(card).toContain('1 sites have contributed until this round: north.');
    for (const path of ['2/onnx', '99999999/card']) expect((await download(path)).status).toBe(404);
    for (const path of ['-1/onnx', '1e3/onnx', '%2e%2e%2f1/onnx', '01/card'])
      expect((await download(path)).status).toBe(400);
  });

  it('whose file is damaged are not handed out', async () => {
    const { runs } = world.services;
    await runs.publish(first, { round: 2, modelHash: modelHashSchema.parse('ab'.repeat(64)), score: null });
    const answer = await as('auditor').ask('GET', '/api/v1/runs/first/models/2/onnx');
    expect(answer).toMatchObject({
      status: 500,
      body: { code: 'internal', message: 'the request cannot be answered' },
    });
    expect(String(world.errors.pop())).toContain('restore it from a backup');
  });
});

describe('users, the ledger and the status', () => {
  it('are managed and recorded', async () => {
    const admin = as('administrator');
    const add = (name: string, password: string) =>
      admin.ask('POST', '/api/v1/users', { body: { name, role: 'auditor', password } });
    expect(await add('dora', 'a long enough password')).toMatchObject({
      status: 201,
      body: { name: 'dora' },
    });
    expect(await add('dora', 'a long enough password')).toMatchObject({ status: 409 });
    expect(await add('emil', 'short')).toMatchObject({ status: 422, body: { code: 'password-invalid' } });
    const change = (user: string, body: object) => admin.ask('PUT', `/api/v1/users/${user}`, { body });
    expect(await change('dora', { role: 'researcher' })).toMatchObject({ body: { role: 'researcher' } });
    expect(await change('dora', { password: 'yet another password' })).toMatchObject({ status: 200 });
    expect(await change('the-administrator', { role: 'auditor' })).toMatchObject({ status: 409 });
    expect(await change('nobody', { role: 'auditor' })).toMatchObject({ status: 404 });
    expect(await admin.ask('DELETE', '/api/v1/users/dora')).toMatchObject({ status: 204 });
    const { text: listed, body } = await as('auditor').ask('GET', '/api/v1/users');
    expect(listed).not.toContain('scrypt');
    expect((body as { users: { name: string }[] }).users.map(({ name }) => name)).toEqual([
      'the-administrator',
      'the-auditor',
      'the-researcher',
    ]);

    const ledger = await as('auditor').ask('GET', '/api/v1/ledger?limit=1000');
    const { entries } = ledger.body as { entries: { act: string; actor: string; subject: string }[] };
    const told = entries.map(({ actor, act, subject }) => `${actor} ${act} ${subject}`);
    expect(told).toContain('the-administrator site-active north');
    expect(told).toContain('the-administrator run-stopped first');
    expect(told).toContain('the-administrator user-removed dora');
    expect(ledger.text).not.toMatch(/scrypt|long enough password/);
    expect(await as('auditor').ask('GET', '/api/v1/ledger/verification')).toMatchObject({
      body: { entries: entries.length, brokenAt: null },
    });
    expect(await as('auditor').ask('GET', '/api/v1/ledger?after=2&limit=1')).toMatchObject({
      body: { entries: [{ sequence: 3 }] },
    });
    expect(await as('researcher').ask('GET', '/api/v1/status')).toMatchObject({
      body: {
        protocolVersion: expect.any(Number) as number,
        sites: { active: 1, connected: 1 },
        runs: { running: 0 },
      },
    });
  });

  it('answer what was not foreseen with a code and no more', async () => {
    const { body, status } = await as('auditor').ask('GET', '/api/v1/nothing');
    expect([status, body]).toEqual([404, { code: 'not-found', message: 'there is nothing here' }]);
    expect(world.errors).toEqual([]);
  });
});
