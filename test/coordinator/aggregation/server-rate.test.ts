import { describe, expect, it } from 'vitest';
import { serverRateAt, serverScheduleFactor } from '../../../coordinator/aggregation/server-rate.ts';
import type { ServerSchedule } from '../../../shared/protocol/strategy.ts';

const factors = (schedule: ServerSchedule, rounds: number): number[] =>
  Array.from({ length: rounds }, (_, i) => serverScheduleFactor(schedule, i + 1, rounds));

describe('the server’s learning rate over four rounds', () => {
  it.each<[ServerSchedule, number[]]>([
    [{ kind: 'constant' }, [1, 1, 1, 1]],
    [{ kind: 'step', everyRounds: 2, factor: 0.5 }, [1, 1, 0.5, 0.5]],
    [{ kind: 'exponential', factor: 0.5 }, [1, 0.5, 0.25, 0.125]],
    // cos²(k·π/8)
    [{ kind: 'cosine', floorFraction: 0 }, [1, 0.853553, 0.5, 0.146447]],
    [{ kind: 'cosine', floorFraction: 0.5 }, [1, 0.926777, 0.75, 0.573223]],
  ])('%j', (schedule, expected) => {
    factors(schedule, 4).forEach((factor, i) => {
      expect(factor).toBeCloseTo(expected[i] ?? NaN, 6);
    });
  });

  it('is η times the factor', () => {
    const serverSchedule = { kind: 'exponential', factor: 0.5 } as const;
    expect(serverRateAt({ serverLearningRate: 0.02, serverSchedule }, 3, 9)).toBeCloseTo(0.005, 12);
  });
});
