/** What the hospital's people decide on the page, against a coordinator that only answers questions. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readPolicy, readRoster } from '../../../client/config.ts';
import { readLedger } from '../../../client/ledger/ledger-file.ts';
import type { SitePolicy } from '../../../client/session/policy.ts';
import type { PlansView, PlanView } from '../../../client/ui/views.ts';
import { identityFromSeed } from '../../../shared/crypto/identity.ts';
import type { SiteId } from '../../../shared/ids.ts';
import { hashPlan, type Plan } from '../../../shared/protocol/plan.ts';
import { signRoster } from '../../../shared/protocol/roster.ts';
import { planOf, site } from '../../coordinator/fixtures.ts';
import { createPageWorld, type PagePerson, type PageWorld } from './page-world.ts';

const first = planOf();
const second = planOf({ rounds: 7 });

let coordinator: Server;
let offered: Plan[];
let members: readonly SiteId[];
let world: PageWorld;
let person: PagePerson;

const keyOf = (name: string): Uint8Array =>
  identityFromSeed(new Uint8Array(32).fill(name.charCodeAt(0) + name.length)).publicKey;

async function openWorld(policy: Partial<SitePolicy> = {}): Promise<void> {
  const { port } = coordinator.address() as AddressInfo;
  world = await createPageWorld({ coordinatorUrl: `http://127.0.0.1:${String(port)}`, policy });
  person = await world.person();
}

beforeEach(async () => {
  offered = [first];
  members = [site('north'), site('south'), site('westward')];
  coordinator = createServer((_request, response) => {
    const keys = new Map(members.map((name) => [name, keyOf(name)]));
    response.end(JSON.stringify({ roster: signRoster(world.coordinator, keys), plans: offered }));
  });
  coordinator.listen(0, '127.0.0.1');
  await once(coordinator, 'listening');
});
afterEach(async () => {
  await world.close();
  coordinator.closeAllConnections();
  coordinator.close();
});

const view = async (): Promise<PlansView> => (await person.ask('GET', '/api/plans')).body as PlansView;
const planView = async (plan: Plan): Promise<PlanView | undefined> =>
  (await view()).plans.find(({ planHash }) => planHash === hashPlan(plan));
const rosterHash = async (): Promise<string> => (await view()).roster?.rosterHash ?? '';
const approve = async (plan: Plan, body: object, who = person) =>
  who.ask('POST', `/api/plans/${hashPlan(plan)}/approve`, { body });
const refuse = (plan: Plan) => person.ask('POST', `/api/plans/${hashPlan(plan)}/refuse`, { body: {} });
const acts = async (): Promise<readonly string[]> => {
  const { path, identity } = world.folder;
  return (await readLedger(path, identity.publicKey)).entries.map(({ event }) => event.kind);
};

it('shows plans in sentences; an approved one holds together with the list of sites that was seen', async () => {
  await openWorld();
  const before = await view();
  expect(before).toMatchObject({ problem: null, otherApproved: [], twoPersonApproval: false });
  expect(before.plans).toMatchObject([{ name: 'two blobs', state: 'undecided', decidedAt: null }]);
  expect(before.plans[0]?.summary.join(' ')).toContain('left, right');
  expect(before.roster).toMatchObject({ isAccepted: false, difference: [] });
  const answer = await approve(first, { rosterHash: await rosterHash() });
  expect([answer.status, answer.body]).toEqual([200, { outcome: 'approved' }]);
  expect(readPolicy(world.folder).approvedPlans).toEqual([hashPlan(first)]);
  expect(readRoster(world.folder)?.sites.map(({ siteId }) => siteId)).toEqual(members);
  expect(await planView(first)).toMatchObject({ state: 'approved' });
  expect((await view()).roster?.isAccepted).toBe(true);
  expect(await acts()).toEqual(['planApproved']);
});

it('does not approve with another list of sites than was seen', async () => {
  await openWorld();
  const seen = await rosterHash();
  members = [...members, site('newcomer')];
  const answer = await approve(first, { rosterHash: seen });
  expect([answer.status, answer.body]).toEqual([409, expect.objectContaining({ code: 'roster-changed' })]);
  expect(readPolicy(world.folder).approvedPlans).toEqual([]);
  expect(await acts()).toEqual([]);
});

it('names what a new plan changes, and what the list of sites', async () => {
  await openWorld();
  await approve(first, { rosterHash: await rosterHash() });
  offered = [first, second];
  members = [...members, site('newcomer')];
  expect(await planView(second)).toMatchObject({
    state: 'undecided',
    difference: { planHash: hashPlan(first), lines: ['federation, rounds: 7 (was 3)'] },
  });
  expect((await view()).roster).toMatchObject({ isAccepted: false, difference: ['new: newcomer'] });
});

it('refuses for the record, and withdraws what was approved', async () => {
  await openWorld();
  expect((await refuse(first)).status).toBe(200);
  expect(await planView(first)).toMatchObject({ state: 'refused' });
  await approve(first, { rosterHash: await rosterHash() });
  expect(await planView(first)).toMatchObject({ state: 'approved' });
  await refuse(first);
  expect(await planView(first)).toMatchObject({ state: 'refused' });
  expect(readPolicy(world.folder).approvedPlans).toEqual([]);
  expect(await acts()).toEqual(['planRefused', 'planApproved', 'planWithdrawn']);
});

it('wants two people where the policy does', async () => {
  await openWorld({ twoPersonApproval: true });
  const seen = await rosterHash();
  expect((await approve(first, { rosterHash: seen })).body).toEqual({ outcome: 'proposed' });
  expect(readPolicy(world.folder).approvedPlans).toEqual([]);
  expect(await planView(first)).toMatchObject({ state: 'proposed', proposedBy: 'first person' });
  const again = await approve(first, { rosterHash: seen });
  expect([again.status, JSON.stringify(again.body)]).toEqual([409, expect.stringContaining('somebody else')]);
  expect(readPolicy(world.folder).approvedPlans).toEqual([]);
  const other = await world.person('second person');
  expect((await approve(first, { rosterHash: seen }, other)).body).toEqual({ outcome: 'approved' });
  expect(readPolicy(world.folder)).toMatchObject({
    approvedPlans: [hashPlan(first)],
    twoPersonApproval: true,
  });
  const { entries } = await readLedger(world.folder.path, world.folder.identity.publicKey);
  expect(entries.map(({ event }) => event)).toMatchObject([
    { kind: 'planProposed', person: 'first person' },
    { kind: 'planApproved', people: ['first person', 'second person'] },
  ]);
});

it('takes the word of the first person for the list of sites that this person has seen', async () => {
  await openWorld({ twoPersonApproval: true });
  await approve(first, { rosterHash: await rosterHash() });
  members = [...members, site('newcomer')];
  const other = await world.person('second person');
  const answer = await approve(first, { rosterHash: await rosterHash() }, other);
  expect(answer.body).toEqual({ outcome: 'proposed' });
  expect(readPolicy(world.folder).approvedPlans).toEqual([]);
});

it('shows what is approved also when the coordinator cannot be asked, or the policy not be read', async () => {
  await openWorld({ approvedPlans: [hashPlan(first)] });
  coordinator.closeAllConnections();
  coordinator.close();
  const answer = await view();
  expect(answer.problem).toContain('cannot be reached');
  expect(answer).toMatchObject({ plans: [], roster: null, otherApproved: [hashPlan(first)] });
  writeFileSync(join(world.folder.path, 'policy.yaml'), 'approvedPlans: [');
  const state = await person.ask('GET', '/api/state');
  expect(state.body).toMatchObject({ policy: { approvedPlans: 0 } });
  expect(JSON.stringify(state.body)).toContain('cannot be read');
  expect((await person.ask('GET', '/api/policy')).body).toMatchObject({ text: 'approvedPlans: [' });
});
