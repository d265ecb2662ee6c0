/**
 * An update as a vector of integers: the weighted, clipped delta and, behind it as counters, what must not be seen of a
 * single site: how many examples it has and how its losses were. The sums say all that the coordinator needs.
 */
import { InvariantError } from '../errors.ts';
import { createRng, deriveSeed } from '../rng.ts';
import { fromFixedPoint, toFixedPoint } from '../secagg/counters.ts';
import { decodeSum, encodeContribution, type VectorLayout } from '../secagg/masked-vector.ts';
import { exampleWeight } from '../secagg/quantiser.ts';
import type { RingVector } from '../secagg/ring.ts';
import type { SiteId } from '../ids.ts';
import { flatteningSeed, UPDATE_COUNTERS } from './masking-context.ts';
import type { RoundContext } from './messages.ts';
import type { LocalValidation, UpdatePayload } from './update-payload.ts';

/** Sums of losses to a thousandth; up to 10⁹ nats fit a counter. */
const LOSS_FRACTION_BITS = 10;

export interface RingUpdateOptions {
  readonly layout: VectorLayout;
  readonly exampleCap: number;
  readonly context: Pick<RoundContext, 'runId' | 'round'>;
  /** Of the plan: with run, round and site it names the stream that rounds. */
  readonly seed: number;
  readonly siteId: SiteId;
}

/** The same update gives the same vector. @throws InvariantError when it does not fit the layout */
export function encodeRingUpdate(update: UpdatePayload, options: RingUpdateOptions): RingVector {
  const { layout, exampleCap, context, seed, siteId } = options;
  const { exampleCount, meanLoss, validation } = update;
  const weighed = Math.min(exampleCount, exampleCap);
  return encodeContribution(
    {
      delta: joined(update),
      weight: exampleWeight(exampleCount, exampleCap),
      counters: [
        weighed,
        toFixedPoint(weighed * finiteLoss(meanLoss), LOSS_FRACTION_BITS),
        validation?.exampleCount ?? 0,
        validation?.correctCount ?? 0,
        toFixedPoint(finiteLoss(validation?.lossSum ?? 0), LOSS_FRACTION_BITS),
        1,
      ],
    },
    layout,
    {
      rng: createRng(deriveSeed('secagg/rounding', seed, context.runId, context.round, siteId)),
      flattening: flatteningSeed(context),
    },
  );
}

/** A loss is a figure for people: one that is no number must not cost the site its update. */
const finiteLoss = (loss: number): number => (loss >= 0 ? loss : 0);

function joined({ delta, controlDelta }: UpdatePayload): Float32Array {
  if (!controlDelta) return delta;
  const both = new Float32Array(delta.length + controlDelta.length);
  both.set(delta);
  both.set(controlDelta, delta.length);
  return both;
}

/** What the coordinator learns: means and sums over the survivors. */
export interface RingFigures {
  /** [parameters]: mean of the clipped deltas, weighted by examples up to the cap. */
  readonly meanDelta: Float64Array;
  /** SCAFFOLD. */
  readonly meanControl?: Float64Array;
  /** Examples, each site's up to the cap. */
  readonly exampleCount: number;
  readonly meanLoss: number;
  readonly validation?: LocalValidation;
}

export interface RingSumOptions {
  readonly layout: VectorLayout;
  readonly exampleCap: number;
  readonly parameterCount: number;
  readonly context: Pick<RoundContext, 'runId' | 'round'>;
  readonly survivorCount: number;
}

/**
 * Undefined when the sum cannot be one of honest updates: each counts itself once, weighs no more than the cap and is no
 * longer than the clip. What a wrong mask leaves behind is noise over the whole ring and fails here.
 */
export function decodeRingSum(sum: RingVector, options: RingSumOptions): RingFigures | undefined {
  const { layout, exampleCap, parameterCount, context, survivorCount } = options;
  const { delta, counters } = decodeSum(sum, layout, flatteningSeed(context));
  if (counters.length !== UPDATE_COUNTERS) throw new InvariantError('the layout has other counters');
  const [examples = 0, losses = 0, validated = 0, correct = 0, validationLosses = 0, sites = 0] = counters;
  const isPlausible =
    sites === survivorCount &&
    examples >= survivorCount &&
    examples <= survivorCount * exampleCap &&
    correct <= validated &&
    l2Norm(delta) <= longestSum(layout, survivorCount);
  if (!isPlausible) return undefined;
  const weight = examples / exampleCap;
  const mean = delta.map((value) => value / weight);
  const lossSum = fromFixedPoint(validationLosses, LOSS_FRACTION_BITS);
  return {
    meanDelta: mean.subarray(0, parameterCount),
    ...(mean.length > parameterCount && { meanControl: mean.subarray(parameterCount) }),
    exampleCount: examples,
    meanLoss: fromFixedPoint(losses, LOSS_FRACTION_BITS) / examples,
    ...(validated > 0 && { validation: { exampleCount: validated, correctCount: correct, lossSum } }),
  };
}

/** A sum of vectors of the clip's length, each value rounded to the next step. */
function longestSum({ clipL2Norm, quantiser, deltaLength }: VectorLayout, survivorCount: number): number {
  return survivorCount * (clipL2Norm + Math.sqrt(deltaLength) / quantiser.scale) * (1 + 1e-6);
}

function l2Norm(vector: Float64Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}
