/**
 * Coordinator and agents as processes that are killed in the middle of their work: the run goes on without a human, and
 * every round's model is that of a run that nobody has interrupted. All moments are in `test/long/recovery.test.ts`.
 */
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { liveAndDie, liveUntil, type Kill } from './recovery/coordinator-kills.ts';
import { Federation, isPublished, NAMES, PATIENT, type Name } from './recovery/federation.ts';
import { uninterrupted } from './recovery/reference.ts';

let federation: Federation | undefined;
afterEach(async () => {
  await federation?.remove();
  federation = undefined;
});

/** In sharing keys, in training, and when the model is there and the place in the run is not. */
const KILLS: readonly Kill[] = [
  { write: 8, when: 'after' },
  { write: 20, when: 'before' },
  { write: 39, when: 'after' },
];

it('goes on, to the bit, with a coordinator that is killed at its durable writes', async () => {
  const rounds = KILLS.length + 1;
  federation = await Federation.create({ rounds });
  for (const [life, kill] of KILLS.entries()) expect(await liveAndDie(federation, kill, life)).toBe(true);
  await liveUntil(federation, rounds);
  expect(await federation.publishedBy(5)).toEqual(await uninterrupted(federation.plan, rounds));
  for (const [name, counts] of await federation.anchors()) expect(counts, name).toEqual([rounds, rounds]);
}, 600_000);

it('goes on, to the bit, with agents that are killed in training, in their upload and before they hear of it', async () => {
  federation = await Federation.create({ rounds: 1, dense: 1100 });
  const { root } = federation;
  const coordinator = await federation.startCoordinator(PATIENT);
  const log = (name: string): string => join(root, `${name}.log`);
  const training = federation.startAgent('aachen');
  const killed: Partial<Record<Name, Promise<unknown>>> = {
    bergen: federation.startAgent('bergen', { emit: 'transfer-chunk', nth: '1', log: log('bergen') }).ends(),
    coimbra: federation.startAgent('coimbra', { hear: 'ack', of: 'update', log: log('coimbra') }).ends(),
    aachen: training
      .said(({ event }) => event === 'trainingStarted', 'training')
      .then(() => training.kill('SIGKILL')),
  };
  federation.startAgent('delft');
  federation.startAgent('evora');
  for (const name of NAMES) await federation.connected(name);
  await federation.enqueue();
  const again = Object.entries(killed).map(async ([name, end]) => {
    expect(await end).toEqual({ code: null, signal: 'SIGKILL' });
    federation?.startAgent(name as Name);
  });
  await Promise.all([...again, coordinator.said(isPublished(1), 'the round being published')]);
  expect(await federation.publishedBy(5)).toEqual(await uninterrupted(federation.plan, 1));
}, 600_000);
