/**
 * Where a simulation stands between two rounds: all that the rest of the run depends on and that its configuration does
 * not say. Data, keys and connections are made anew; none of them changes the result.
 */
import { z } from 'zod';
import type { ServerMemory } from '../../coordinator/aggregation/server.ts';
import type { AttemptRecord } from '../../coordinator/run/progress.ts';
import type { RunPosition } from '../../coordinator/run/run-options.ts';
import type { SiteState } from '../../client/training/site-state.ts';
import { DataError } from '../../shared/errors.ts';
import { planHashSchema, siteIdSchema, type PlanHash, type SiteId } from '../../shared/ids.ts';
import type { RoundResult } from '../report/result-types.ts';

/** What each site keeps, of those that keep something. */
type StateEntries = readonly (readonly [SiteId, SiteState])[];

export interface Checkpoint {
  readonly planHash: PlanHash;
  /** The coordinator's side. */
  readonly position: RunPosition;
  /** The lines of rounds.jsonl so far. */
  readonly rounds: readonly RoundResult[];
  /** What the sites keep for their next round. */
  readonly kept: StateEntries;
  /** What they had after their last training, whether it counted or not. */
  readonly trained: StateEntries;
  /** What they had when the best model was evaluated. */
  readonly best: StateEntries;
}

const float32 = z.custom<Float32Array>((value) => value instanceof Float32Array, 'expected float32 values');
const float64 = z.custom<Float64Array>((value) => value instanceof Float64Array, 'expected float64 values');

const memorySchema: z.ZodType<ServerMemory> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('velocity'), velocity: float64 }),
  z.strictObject({
    kind: z.literal('moments'),
    moments: z.strictObject({ first: float64, second: float64 }),
  }),
  z.strictObject({ kind: z.literal('control'), control: float32 }),
]);

const siteStateSchema: z.ZodType<SiteState> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('control'), control: float32 }),
  z.strictObject({ kind: z.literal('normalization'), values: float32 }),
]);
const entriesSchema = z.array(z.tuple([siteIdSchema, siteStateSchema]));

/** The digest has shown that this program wrote them; only their place in the run is looked at. */
const recordSchema = z.custom<AttemptRecord>(
  (value) =>
    z
      .looseObject({ outcome: z.enum(['published', 'counted', 'aborted']), round: z.int(), attempt: z.int() })
      .safeParse(value).success,
);
const roundSchema = z.custom<RoundResult>(
  (value) => z.looseObject({ round: z.int(), cohort: z.int(), survivors: z.int() }).safeParse(value).success,
);

const checkpointSchema = z.strictObject({
  planHash: planHashSchema,
  position: z.strictObject({
    records: z.array(recordSchema),
    state: z.strictObject({ weights: float32, memory: memorySchema }),
    best: z
      .strictObject({ round: z.int(), weights: float32 })
      .optional()
      .transform((best) => best),
  }),
  rounds: z.array(roundSchema),
  kept: entriesSchema,
  trained: entriesSchema,
  best: entriesSchema,
});

/** @throws DataError naming `file` when it was written by another version of this program */
export function parseCheckpoint(value: unknown, file: string): Checkpoint {
  const parsed = checkpointSchema.safeParse(value);
  if (parsed.success) {
    const { position, ...rest } = parsed.data;
    return { ...rest, position: { ...position, best: position.best } };
  }
  const where = parsed.error.issues.map(({ path }) => path.map(String).join('.')).join(', ');
  throw new DataError(
    `${file} was written by another version of this program (${where}): start the run anew`,
  );
}
