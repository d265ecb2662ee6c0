/** What a console shows of a run of real agents: live while it goes on, and from the database when it is over. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io, type Socket } from 'socket.io-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { startSite, type RunningSite } from '../../client/agent/site.ts';
import { openSiteFolder, siteIdentity, writeRoster, writeSite } from '../../client/config.ts';
import { sitePolicySchema } from '../../client/session/policy.ts';
import { askFederation, enrol } from '../../client/transport/coordinator-api.ts';
import { initCoordinator, type CoordinatorFolder } from '../../coordinator/config.ts';
import {
  LIVE_EVENT,
  LIVE_PATH,
  liveEventSchema,
  type LiveEvent,
} from '../../coordinator/http/api/live-views.ts';
import { Passwords } from '../../coordinator/people/password.ts';
import type { CoordinatorReport } from '../../coordinator/reports.ts';
import { startCoordinator, type RunningCoordinator } from '../../coordinator/server.ts';
import { COMMAND_LINE } from '../../coordinator/storage/administration.ts';
import { openDatabase } from '../../coordinator/storage/database.ts';
import { storesOf, type Stores } from '../../coordinator/storage/stores.ts';
import { userNameSchema } from '../../coordinator/storage/user-store.ts';
import { systemClock } from '../../shared/clock.ts';
import { planHashSchema, siteIdSchema } from '../../shared/ids.ts';
import { makePhantoms } from '../../shared/data/phantoms.ts';
import { readInvitation } from '../../shared/protocol/enrolment.ts';
import { freePort } from '../free-port.ts';

const NAMES = ['north', 'south', 'west'];
const PASSWORD = 'correct horse battery';
const plan = stringify({
  task: {
    name: 'phantoms',
    classNames: makePhantoms({ seed: 0, sites: 3, size: 16 }).classNames,
    imageDims: [1, 16, 16],
  },
  preprocessing: { size: { height: 16, width: 16 } },
  architecture: { name: 'cnn', options: { filters: [4], dense: 8 } },
  training: { epochs: 1 },
  federation: { strategy: 'fedavg', rounds: 2, minimumCohort: 3, minimumSurvivors: 3 },
  protection: { mode: 'secure-aggregation', smallCohortAcknowledged: true },
  evaluation: {},
  seed: 5,
});

let root: string;
let folder: CoordinatorFolder;
let coordinator: RunningCoordinator;
let browser: Socket | undefined;
const reports: CoordinatorReport[] = [];
const sites: RunningSite[] = [];
const events: LiveEvent[] = [];
let headers: Record<string, string> = { 'content-type': 'application/json' };

async function inStores<T>(body: (stores: Stores) => Promise<T>): Promise<T> {
  const database = await openDatabase(folder.database);
  try {
    return await body(storesOf(database, folder, systemClock));
  } finally {
    await database.destroy();
  }
}
async function ask(
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; headers: Headers; text: string }> {
  const response = await fetch(`${folder.config.url}${path}`, {
    ...{ method, headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}
const get = async (path: string): Promise<unknown> => JSON.parse((await ask('GET', `/api/v1${path}`)).text);

async function login(): Promise<void> {
  const password = await new Passwords().hash(PASSWORD);
  const ann = { name: userNameSchema.parse('ann'), role: 'administrator', password } as const;
  await inStores(({ administration }) => administration.addUser(COMMAND_LINE, ann));
  const { headers: answered, text } = await ask('POST', '/api/v1/login', { name: 'ann', password: PASSWORD });
  const { csrfToken } = JSON.parse(text) as { csrfToken: string };
  const cookie = answered.get('set-cookie')?.split(';')[0] ?? '';
  headers = { ...headers, cookie, 'x-csrf-token': csrfToken };
}

async function joinAs(name: string, index: number): Promise<void> {
  const path = join(root, name);
  const { invitation } = JSON.parse((await ask('POST', '/api/v1/invitations', { siteId: name })).text) as {
    invitation: string;
  };
  const read = readInvitation(invitation);
  const { federationId, coordinatorKey } = await enrol(read, read, siteIdentity(path));
  await ask('PUT', `/api/v1/sites/${name}/status`, { status: 'active' });
  const site = {
    siteId: siteIdSchema.parse(name),
    coordinator: { url: read.url, federationId, key: coordinatorKey },
    ...{ data: `phantoms:${String(index + 1)}/3`, engine: 'onnx' as const },
  };
  const { text } = await ask('GET', '/api/v1/plans');
  const [added] = (JSON.parse(text) as { plans: { planHash: string }[] }).plans;
  const approvedPlans = [planHashSchema.parse(added?.planHash)];
  const policy = { approvedPlans, minimumCohort: 3, smallCohortAcknowledged: true };
  await writeSite(path, site, sitePolicySchema.parse(policy));
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'consilium-console-e2e-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const config = { host: '127.0.0.1', port, url, behindTlsProxy: false, validation: 'phantoms:1/3' };
  folder = initCoordinator(join(root, 'coordinator'), config);
  coordinator = await startCoordinator(folder, (report) => reports.push(report));
  await login();
});
afterAll(async () => {
  browser?.disconnect();
  for (const site of sites) await site.stop();
  await coordinator.close();
  rmSync(root, { recursive: true });
});

it('tells a browser of every step, and keeps what people look at later', async () => {
  const socket = io(folder.config.url, {
    ...{ path: LIVE_PATH, transports: ['websocket'], reconnection: false },
    extraHeaders: { cookie: headers['cookie'] ?? '', origin: folder.config.url },
  });
  browser = socket;
  socket.on(LIVE_EVENT, (event: unknown) => events.push(liveEventSchema.parse(event)));
  await new Promise<void>((resolve, reject) => {
    socket.on('connect', resolve).on('connect_error', reject);
  });
  socket.emit('subscribe', { topics: ['sites', 'runs', 'models'], runs: 'all' });

  const { text } = await ask('POST', '/api/v1/plans', { text: plan });
  const { planHash } = JSON.parse(text) as { planHash: string };
  for (const [index, name] of NAMES.entries()) await joinAs(name, index);
  for (const name of NAMES) {
    const opened = openSiteFolder(join(root, name));
    const { roster } = await askFederation(
      opened.config.coordinator,
      opened.config,
      opened.identity,
      systemClock,
    );
    await writeRoster(opened, roster);
    sites.push(await startSite(opened, () => undefined));
  }
  await ask('POST', '/api/v1/runs', { runId: 'first', planHash });
  await expect
    .poll(() => reports.some(({ kind }) => kind === 'runFinished' || kind === 'runFailed'), {
      timeout: 60_000,
    })
    .toBe(true);
  expect(reports.filter(({ kind }) => kind === 'runFailed' || kind === 'error')).toEqual([]);

  const phases = events.flatMap((event) => (event.topic === 'progress' ? [event.phase] : []));
  expect(phases).toContain('training');
  expect(events).toContainEqual({ topic: 'run', runId: 'first' });
  for (const topic of ['sites', 'runs', 'models']) expect(events).toContainEqual({ topic });

  // The last of it is written down a moment after the end.
  await expect
    .poll(async () => (await get('/runs/first/events')) as object)
    .toMatchObject({
      events: [{ text: 'The run has finished.' }, {}, {}, {}, {}, { text: 'The run began.' }],
    });
  const whole = { low: expect.any(Number) as number, high: expect.any(Number) as number };
  expect(await get('/runs/first/rounds')).toMatchObject({
    rounds: [1, 2].map((round) => ({
      ...{
        round,
        survivors: 3,
        dropped: 0,
        metrics: { accuracy: { interval: whole }, macroF1: {}, logLoss: {} },
      },
      ...{ bytesUp: expect.any(Number) as number, seconds: expect.any(Number) as number },
    })),
  });
  const order = [
    'selecting',
    'advertising',
    'sharingKeys',
    'training',
    'consistency',
    'unmasking',
    'aggregating',
  ];
  const asked = order.slice(1, -1);
  expect(await get('/runs/first/timelines/2/1')).toMatchObject({
    outcome: 'published',
    spans: [...order, 'evaluating', 'published'].map((phase) => ({ phase })),
    sites: NAMES.map((siteId) => ({
      ...{
        siteId,
        state: 'survived',
        spans: asked.map((phase) => ({ phase, endMs: expect.any(Number) as number })),
      },
    })),
  });
  const { sites: shown } = (await get('/runs/first/sites')) as {
    sites: { bytesUp: number; bytesDown: number }[];
  };
  expect(shown).toHaveLength(3);
  // More than the vector of a masked update; less than ten of them.
  const parameters = ((await get('/runs/first/models/2')) as { parameterCount: number }).parameterCount;
  for (const { bytesUp, bytesDown } of shown) {
    expect(bytesUp).toBeGreaterThan(2 * 4 * parameters);
    expect(bytesDown).toBeGreaterThan(2 * 4 * parameters);
  }
  expect(await get('/runs/first/evaluations/best')).toMatchObject({
    calibration: expect.any(Array) as unknown[],
  });
  await expect
    .poll(async () => (await get('/sites')) as object, { timeout: 30_000 })
    .toMatchObject({
      sites: NAMES.map((siteId) => ({ siteId, isConnected: true, program: { engine: 'onnx' } })),
    });
  expect(await get('/plans')).toMatchObject({ plans: [{ approvals: 3 }] });
}, 120_000);
