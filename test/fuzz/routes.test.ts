import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROLES } from '../../coordinator/storage/tables.ts';
import { userNameSchema } from '../../coordinator/storage/user-store.ts';
import { createApiWorld, type ApiWorld } from '../coordinator/http/api-world.ts';
import { rngOf } from './mutate.ts';
import { attemptOf, faultOfAnswer, RawClient, targetsOf, type FuzzPerson } from './routes.ts';

/** Another beginning is another set of requests. */
const FIRST_SEED = 40_000;
const REQUESTS = 1600;
const MAX_GROWTH_BYTES = 64 * 2 ** 20;

let world: ApiWorld;
let client: RawClient;
beforeAll(async () => {
  world = await createApiWorld({ behindTlsProxy: true, url: 'https://consilium.test' });
  const address = world.server.address();
  client = new RawClient(typeof address === 'object' && address !== null ? address.port : 0);
});
afterAll(async () => {
  client.close();
  await world.close();
});

/** Sessions of one person of each role, who is added anew where a request has removed him or her. */
async function loggedIn(): Promise<FuzzPerson[]> {
  const { users } = world.services;
  const people: FuzzPerson[] = [];
  for (const role of ROLES) {
    const name = userNameSchema.parse(`the-${role}`);
    if ((await users.passwordOf(name)) === undefined) await world.addUser(name, role);
    const token = await users.openSession(name);
    const session = await users.session(token);
    people.push({ role, cookie: `__Host-consilium=${token}`, csrfToken: session?.csrfToken ?? '' });
  }
  return people;
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  // V8's own function, which is unknown to the compiler here.
  if (typeof collect === 'function') (collect as () => void)();
  return process.memoryUsage().heapUsed;
}

describe('the routes of the coordinator', () => {
  it(`answer ${String(REQUESTS)} damaged requests with a code and no more, and stay as they were`, async () => {
    const targets = await targetsOf(world);
    expect(targets.length).toBeGreaterThan(30);
    let people = await loggedIn();
    const statuses = new Map<number, number>();
    let heapBytes = 0;
    for (let i = 0; i < REQUESTS; i++) {
      const target = targets[i % targets.length];
      if (!target) continue;
      // People are logged out, and removed, by what they send themselves.
      if (i % 100 === 0) people = await loggedIn();
      const seed = FIRST_SEED + i;
      const attempt = attemptOf(target, people, rngOf(seed));
      const answer = await client.send(attempt);
      const fault = faultOfAnswer(answer, attempt.method);
      expect(fault && `seed ${String(seed)}: ${attempt.method} ${attempt.path}: ${fault}`).toBeUndefined();
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      world.reports.length = 0;
      if (i === REQUESTS / 2) heapBytes = heapAfterCollection();
    }
    expect(world.errors).toEqual([]);
    expect('admin' in {}).toBe(false);
    expect(heapAfterCollection() - heapBytes).toBeLessThan(MAX_GROWTH_BYTES);
    // Requests got as far as there is to get: some were carried out, others refused for each reason there is.
    for (const status of [200, 201, 400, 401, 403, 404, 409, 422])
      expect([status, statuses.get(status) ?? 0]).not.toEqual([status, 0]);
    expect((await world.ask('GET', '/healthz')).status).toBe(200);
    expect(await world.services.administration.log.verify(world.database)).not.toHaveProperty('brokenAt');
  });
});
