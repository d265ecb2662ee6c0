/** One training step as the trainer takes it: gradients, then the optimiser. */
import { buildModel, type Architecture } from '../../shared/learning/architectures/architecture.ts';
import type { Batch, CompiledModel, CompileOptions, Engine } from '../../shared/learning/engines/engine.ts';
import { createOptimizer } from '../../shared/learning/training/optimizers/optimizer.ts';
import { initialWeights, manifestOf, sizeOf } from '../../shared/learning/weights.ts';
import { createRng, deriveSeed } from '../../shared/rng.ts';

export const BATCH_SIZE = 32;
const CLASSES = 2;

export interface StepCase {
  readonly architecture: Architecture;
  readonly imageDims: readonly [number, number, number];
}

export function randomBatch(imageDims: readonly number[]): Batch {
  const rng = createRng(deriveSeed('bench', ...imageDims));
  const targets = new Float32Array(BATCH_SIZE * CLASSES);
  for (let i = 0; i < BATCH_SIZE; i++) targets[i * CLASSES + (i % CLASSES)] = 1;
  return {
    images: Float32Array.from({ length: BATCH_SIZE * sizeOf(imageDims) }, () => rng.uniform()),
    targets,
    sampleWeights: new Float32Array(BATCH_SIZE).fill(1 / BATCH_SIZE),
  };
}

export interface PreparedStep {
  readonly compiled: CompiledModel;
  readonly createdInMs: number;
  /** Milliseconds of each of `count` steps. */
  run(count: number): Promise<number[]>;
}

export async function prepareStep(
  engine: Engine,
  stepCase: StepCase,
  options: Partial<CompileOptions> = {},
): Promise<PreparedStep> {
  const model = buildModel(stepCase.architecture, stepCase.imageDims, CLASSES);
  const started = performance.now();
  const compiled = await engine.compile(model, { batchSize: BATCH_SIZE, loss: 'softmax', ...options });
  const createdInMs = performance.now() - started;
  const settings = { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
  const optimizer = createOptimizer({ settings, weightDecay: 0 }, manifestOf(model));
  optimizer.weights.set(initialWeights(model, 1));
  const batch = randomBatch(stepCase.imageDims);
  return {
    compiled,
    createdInMs,
    async run(count) {
      const times: number[] = [];
      for (let i = 0; i < count; i++) {
        const start = performance.now();
        await compiled.gradients(optimizer.weights, batch, optimizer.gradients);
        optimizer.step(1e-3);
        times.push(performance.now() - start);
      }
      return times;
    },
  };
}
