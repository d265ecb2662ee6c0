/** A coordinator that is killed again and again, each time in a later round, and started anew. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isPublished, type Federation } from './federation.ts';

export interface Kill {
  /** Number of the durable write in its round, from 0. */
  readonly write: number;
  readonly when: 'before' | 'after';
}

export const describeKill = ({ write, when }: Kill): string => `${when} write ${String(write)}`;

/**
 * One life of the coordinator: it goes on with the round of the life before and is killed in the next one. False when
 * that round did not have so many writes.
 */
export async function liveAndDie(
  federation: Federation,
  { write, when }: Kill,
  life: number,
): Promise<boolean> {
  const log = join(federation.root, `life-${String(life)}.log`);
  const coordinator = await federation.startCoordinator({ write: String(write), when, log });
  if (life === 0) {
    // Whoever is not there when the run begins is not in its first round.
    await federation.startAgents();
    await federation.enqueue();
  }
  const ended = await coordinator.ends();
  if (ended.signal !== 'SIGKILL') throw new Error(`the coordinator ended with ${JSON.stringify(ended)}`);
  return !readFileSync(log, 'utf8').includes('exhausted');
}

/** The last life, in which nobody is killed: until this round is published. */
export async function liveUntil(federation: Federation, round: number): Promise<void> {
  const coordinator = await federation.startCoordinator();
  await coordinator.said(isPublished(round), `round ${String(round)} being published`);
}
