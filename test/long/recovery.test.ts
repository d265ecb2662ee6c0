/** Every moment at which a coordinator can be killed in a round, and a site that is away for the rest of one. */
import { afterEach, expect, it } from 'vitest';
import { describeKill, liveAndDie, liveUntil, type Kill } from '../e2e/recovery/coordinator-kills.ts';
import { Federation, isPublished } from '../e2e/recovery/federation.ts';
import { uninterrupted } from '../e2e/recovery/reference.ts';

let federation: Federation | undefined;
afterEach(async () => {
  await federation?.remove();
  federation = undefined;
});

/** More than a round has durable writes, which the test finds out. */
const MOST_WRITES = 100;

it('goes on, to the bit, before and after every durable write of a round', async () => {
  federation = await Federation.create({ rounds: 2 * MOST_WRITES });
  const kills: Kill[] = [];
  for (let write = 0; write < MOST_WRITES; write++)
    for (const when of ['before', 'after'] as const) {
      const kill = { write, when };
      if (!(await liveAndDie(federation, kill, kills.length))) {
        write = MOST_WRITES;
        break;
      }
      kills.push(kill);
      // Every life has gone on with the round of the life before, and has begun the next one.
      const rounds = await federation.publishedBy(5);
      expect(rounds.length, describeKill(kill)).toBeGreaterThanOrEqual(kills.length - 1);
    }
  // Announcing, three answers and an update of each site, its file, the end of the round and what is kept of it.
  expect(kills.length).toBeGreaterThan(2 * 40);
  const last = kills.length + 2;
  await liveUntil(federation, last);
  const published = (await federation.publishedBy(5)).slice(0, last);
  expect(published).toEqual(await uninterrupted(federation.plan, last));
}, 5_400_000);

/** The models of four rounds; in the second `leave` takes a site away in its training, and it is back before the third. */
async function withoutOne(leave: (of: Federation) => Promise<unknown>): Promise<readonly string[]> {
  const own = await Federation.create({ rounds: 4, minimumCohort: 4, epochs: 20 });
  federation = own;
  const coordinator = await own.startCoordinator();
  await own.startAgents();
  const isTraining = own
    .agent('delft')
    .said(({ event, round }) => event === 'trainingStarted' && round === 2, 'training in round 2');
  const isFirst = coordinator.said(isPublished(1), 'round 1 being published');
  await own.enqueue();
  await isFirst;
  await isTraining;
  await own.wish('pause');
  await leave(own);
  await coordinator.said(isPublished(2), 'round 2 being published');
  await coordinator.said(({ kind }) => kind === 'runPaused', 'the run waiting');
  own.startAgent('delft');
  await own.connected('delft');
  await own.wish('resume');
  await coordinator.said(isPublished(4), 'round 4 being published');
  const attempts = await own.attempts();
  expect(attempts.map((each) => ('survivors' in each ? each.survivors.length : 0))).toEqual([5, 4, 5, 5]);
  const models = attempts.map((each) => ('modelHash' in each ? each.modelHash : ''));
  await own.remove();
  return models;
}

it('goes on with a site that was away for a whole round as if it had left that round by itself', async () => {
  const killed = await withoutOne((own) => own.agent('delft').kill('SIGKILL'));
  const left = await withoutOne((own) => own.agent('delft').kill('SIGTERM'));
  expect(killed).toEqual(left);
}, 1_200_000);
