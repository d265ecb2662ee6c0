/** Speed of an engine on a short real step: the default CNN on 28×28 images, batch 32, without an optimiser. */
import { systemClock, type Clock } from '../../clock.ts';
import { createRng, deriveSeed } from '../../rng.ts';
import { cnn } from '../architectures/cnn.ts';
import { cnnOptionsSchema } from '../architectures/schema.ts';
import { initialWeights, manifestOf } from '../weights.ts';
import type { Batch, Engine } from './engine.ts';

const IMAGE_DIMS = [1, 28, 28] as const;
const CLASSES = 2;
const BATCH_SIZE = 32;
/** Plain JavaScript trains about one image a second; a whole batch would take longer than anybody waits. */
const SLOW_BATCH_SIZE = 1;
/** Steps repeat for this long, so that the median does not hang on one disturbed step. */
const MEASURED_MS = 400;
const MAX_STEPS = 40;
/** An engine whose first step takes longer is slow enough to be judged by it. */
const SLOW_STEP_MS = 1500;

export interface StepMeasurement {
  readonly imagesPerSecond: number;
  /** Median duration of a step. */
  readonly stepMs: number;
  readonly batchSize: number;
  /** Steps timed. */
  readonly steps: number;
}

function randomBatch(batchSize: number): Batch {
  const rng = createRng(deriveSeed('measure-step'));
  const pixels = IMAGE_DIMS.reduce((a, b) => a * b, batchSize);
  const targets = new Float32Array(batchSize * CLASSES);
  for (let i = 0; i < batchSize; i++) targets[i * CLASSES + (i % CLASSES)] = 1;
  return {
    images: Float32Array.from({ length: pixels }, () => rng.uniform()),
    targets,
    sampleWeights: new Float32Array(batchSize).fill(1 / batchSize),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function timeSteps(step: () => Promise<unknown>, clock: Clock): Promise<number[]> {
  const timed = async (): Promise<number> => {
    const start = clock.elapsedMs();
    await step();
    return clock.elapsedMs() - start;
  };
  const first = await timed();
  if (first > SLOW_STEP_MS) return [first];
  const durations: number[] = [];
  const start = clock.elapsedMs();
  while (
    durations.length < MAX_STEPS &&
    (durations.length === 0 || clock.elapsedMs() - start < MEASURED_MS)
  ) {
    durations.push(await timed());
  }
  return durations;
}

/** @throws EngineError when the engine cannot compile or run the model. */
export async function measureStep(engine: Engine, clock: Clock = systemClock): Promise<StepMeasurement> {
  const model = cnn(IMAGE_DIMS, CLASSES, cnnOptionsSchema.parse({}));
  const batchSize = engine.name === 'tensorflow-js' ? SLOW_BATCH_SIZE : BATCH_SIZE;
  const compiled = await engine.compile(model, { batchSize, loss: 'softmax' });
  try {
    const weights = initialWeights(model, 1);
    const out = new Float32Array(manifestOf(model).length);
    const batch = randomBatch(batchSize);
    const durations = await timeSteps(() => compiled.gradients(weights, batch, out), clock);
    const stepMs = median(durations);
    return { imagesPerSecond: (1000 * batchSize) / stepMs, stepMs, batchSize, steps: durations.length };
  } finally {
    await compiled.dispose();
  }
}
