/** The server's learning rate as a pure function of the round, so that a run can go on or be repeated from any round. */
import type { ServerSchedule, Strategy } from '../../shared/protocol/strategy.ts';

/** Factor on the rate in round `round` (from 1) of `rounds`, in [0, 1]; 1 in the first. */
export function serverScheduleFactor(schedule: ServerSchedule, round: number, rounds: number): number {
  const done = round - 1;
  switch (schedule.kind) {
    case 'constant':
      return 1;
    case 'step':
      return schedule.factor ** Math.floor(done / schedule.everyRounds);
    case 'exponential':
      return schedule.factor ** done;
    case 'cosine': {
      // Loshchilov, Hutter 2017, "SGDR", eq. 5, without restarts.
      const { floorFraction } = schedule;
      return floorFraction + (1 - floorFraction) * 0.5 * (1 + Math.cos((Math.PI * done) / rounds));
    }
  }
}

/** η of a round. */
export function serverRateAt(
  strategy: Pick<Strategy, 'serverLearningRate' | 'serverSchedule'>,
  round: number,
  rounds: number,
): number {
  return strategy.serverLearningRate * serverScheduleFactor(strategy.serverSchedule, round, rounds);
}
