/** What a slow way to the coordinator may and may not cost: the same cases at the true speed and at a multiple of it. */
import { describe, expect, it } from 'vitest';
import { DEFAULT_CHUNK_BYTES } from '../../shared/protocol/transfer-messages.ts';
import { sites } from '../coordinator/fixtures.ts';
import { meanStep, MODEL_BYTES, runSlowRound, SLOW, type SlowOutcome } from './slow-round.ts';

const ALL = sites('a', 'b', 'c');

function expectPublished({ records, finalWeights }: SlowOutcome, survivors = ALL): void {
  expect(records).toMatchObject([{ outcome: 'published', survivors }]);
  // The ring rounds: to a fiftieth of the difference that a site makes.
  for (const weight of finalWeights.subarray(0, 1000)) expect(weight).toBeCloseTo(meanStep(survivors), 4);
}

/** @param scale how much faster than in a hospital all of it is */
export function slowLinkCases(scale: number, timeoutMs: number): void {
  const speed = `64 kB/s and 2 s each way, ${scale === 1 ? 'at that speed' : `${String(scale)} times as fast`}`;
  describe.concurrent(`a site with ${speed}`, { timeout: timeoutMs }, () => {
    it('keeps its place while bytes advance: the deadline of training passes, and the update counts', async () => {
      const outcome = await runSlowRound(scale);
      expectPublished(outcome);
      expect(outcome.records[0]?.dropped).toEqual([]);
      const extended = outcome.reports.filter(({ kind }) => kind === 'extended');
      expect(extended).toContainEqual(expect.objectContaining({ sites: [SLOW] }));
      // Nothing went twice, and no heartbeat was missed behind the chunks.
      expect(outcome.link.connectionCount).toBe(1);
      for (const bytes of Object.values(outcome.link.passed)) {
        expect(bytes).toBeGreaterThan(MODEL_BYTES);
        expect(bytes).toBeLessThan(MODEL_BYTES + DEFAULT_CHUNK_BYTES / 2);
      }
    });

    it('whose connection is cut in the middle of both ways goes on from the last chunk', async () => {
      const outcome = await runSlowRound(scale, ({ link }) => {
        for (const direction of ['down', 'up'] as const)
          void link.reached(direction, MODEL_BYTES / 2).then(() => {
            link.cut();
          });
      });
      expectPublished(outcome);
      expect(outcome.records[0]?.dropped).toEqual([]);
      expect(outcome.link.connectionCount).toBe(3);
      expect(outcome.lostCount).toBe(0);
      for (const bytes of Object.values(outcome.link.passed)) {
        expect(bytes).toBeGreaterThan(MODEL_BYTES);
        // The chunk that was cut, and the one before it, whose confirmation may have been on its way.
        expect(bytes).toBeLessThan(MODEL_BYTES + 2.5 * DEFAULT_CHUNK_BYTES);
      }
    });

    it('whose bytes stand still loses its place, and the round goes on without it', async () => {
      const outcome = await runSlowRound(scale, ({ link }) => {
        void link.reached('up', MODEL_BYTES / 2).then(() => {
          link.stall();
        });
      });
      expectPublished(outcome, sites('b', 'c'));
      expect(outcome.records[0]?.dropped).toMatchObject([{ siteId: 'a', phase: 'training' }]);
    });
  });
}
