/** A small model of ours that was made for other classes, as the start of federations. */
import { writeFileSync } from 'node:fs';
import { architectureSchema, buildModel } from '../../../shared/learning/architectures/architecture.ts';
import { writeModel } from '../../../shared/learning/graph/model-file.ts';
import { initialWeights, type Manifest } from '../../../shared/learning/weights.ts';
import type { Checkpoint } from '../../../simulations/checkpoint/checkpoint.ts';
import { runFederation, type SimulationOutcome } from '../../../simulations/harness.ts';
import { createModelSource } from '../../../simulations/pool/model-source.ts';
import { createInlinePool } from '../../../simulations/pool/pool.ts';
import type { SimulationInput } from '../../../simulations/simulation-config.ts';

/** Its body has batch normalisation, with running statistics. */
export const BODY = ['block*'];

export function writeBackbone(file: string, seed = 3): void {
  const options = { filters: [4, 6], dense: 8, normalization: 'batch' };
  const model = buildModel(architectureSchema.parse({ name: 'cnn', options }), [1, 28, 28], 4);
  const weights = initialWeights(model, seed);
  // Values that only a bit-for-bit copy keeps.
  weights[0] = -0;
  weights[1] = 1e-42;
  writeFileSync(
    file,
    writeModel(model, weights, {
      ...{ classNames: ['w', 'x', 'y', 'z'], activation: 'softmax', preprocessing: null },
    }),
  );
}

export function federationFrom(file: string, change: Partial<SimulationInput> = {}): SimulationInput {
  return {
    ...{ images: 160, sites: 3, protection: 'box', rounds: 3, epochs: 1, compare: [], workers: 1, seed: 5 },
    training: { learningRate: 0.01, batchSize: 16 },
    initialModel: { file, freeze: BODY },
    bootstrapReplicates: 100,
    ...change,
  };
}

export interface Watched {
  readonly outcome: SimulationOutcome;
  /** After each round. */
  readonly checkpoints: readonly Checkpoint[];
  readonly notices: readonly string[];
}

/** In this thread, with what was kept after each round. */
export async function watch(input: SimulationInput, from?: Checkpoint): Promise<Watched> {
  const checkpoints: Checkpoint[] = [];
  const notices: string[] = [];
  const outcome = await runFederation(
    input,
    {
      onProgress: (progress) => {
        if (progress.kind === 'notice') notices.push(progress.text);
      },
    },
    {
      createPool: () => createInlinePool(createModelSource()),
      save: (checkpoint) => {
        checkpoints.push(structuredClone(checkpoint));
        return Promise.resolve();
      },
      ...(from && { from }),
    },
  );
  return { outcome, checkpoints, notices };
}

/** Names of the parameters of which any bit differs. */
export function changed(manifest: Manifest, a: Float32Array, b: Float32Array): string[] {
  const [x, y] = [new Uint32Array(a.slice().buffer), new Uint32Array(b.slice().buffer)];
  return manifest.entries
    .filter(({ offset, length }) => x.subarray(offset, offset + length).some((v, i) => v !== y[offset + i]))
    .map(({ name }) => name);
}
