/** One backbone, and one federation from it or from scratch, of `npm run bench:transfer`. */
import { writeFile } from 'node:fs/promises';
import { preprocessingSchema } from '../../shared/data/preprocess.ts';
import { architectureSchema, buildModel } from '../../shared/learning/architectures/architecture.ts';
import { writeModel } from '../../shared/learning/graph/model-file.ts';
import type { MetricName } from '../../shared/learning/metrics/evaluation.ts';
import { recipeSchema } from '../../shared/learning/training/recipe.ts';
import { initialWeights } from '../../shared/learning/weights.ts';
import { runFederation } from '../../simulations/harness.ts';
import { createWorkerPool } from '../../simulations/pool/pool.ts';
import type { SimulationInput } from '../../simulations/simulation-config.ts';
import { openAndSplit, prepareData } from '../../simulations/train/prepare.ts';
import { DEFAULT_SPLIT } from '../../simulations/train/train-request.ts';
import { PREPROCESSING, type SourceSet } from './transfer-sets.ts';

/** The same in every cell: means over positions leave a head that few labels can train. */
const ARCHITECTURE = architectureSchema.parse({
  name: 'cnn',
  options: { filters: [16, 32, 64, 128], dense: 0, head: 'mean', normalization: 'group' },
});
const BACKBONE = recipeSchema.parse({
  ...{ batchSize: 64, learningRate: 2e-3, classWeighting: { kind: 'balanced' } },
});

export interface Backbone {
  readonly file: string;
  /** On the source's own validation images, of the epoch that was kept. */
  readonly validationScore: number;
}

/** Trains a backbone in one place and writes it as ONNX. */
export async function trainBackbone(
  source: SourceSet,
  { path, file, quick }: { readonly path: string; readonly file: string; readonly quick: boolean },
  signal: AbortSignal,
): Promise<Backbone> {
  const opened = await openAndSplit({ dataset: source.dataset(path) }, { ...DEFAULT_SPLIT, seed: 0 });
  const preprocessing = preprocessingSchema.parse(PREPROCESSING);
  const { train, validation, summary } = await prepareData(opened, preprocessing);
  const { classNames } = summary;
  const network = buildModel(ARCHITECTURE, train.imageDims, classNames.length);
  const pool = createWorkerPool(1);
  try {
    const { weights, bestEpoch, epochs } = await pool.fit(
      {
        model: {
          ...{ engine: 'onnx', architecture: ARCHITECTURE, imageDims: train.imageDims },
          ...{ classCount: classNames.length, recipe: { ...BACKBONE, epochs: quick ? 1 : source.epochs } },
        },
        seed: { run: 0, round: 0, site: 'central' },
        weights: initialWeights(network, 0),
        ...{ data: train, validation, classNames },
      },
      signal,
    );
    await writeFile(
      file,
      writeModel(network, weights, { classNames, activation: 'softmax', preprocessing: null }),
    );
    const validationScore = epochs[(bestEpoch ?? 1) - 1]?.validation.score ?? NaN;
    return { file, validationScore };
  } finally {
    await pool.close();
  }
}

/** Both arms take the same number of steps whatever the number of labels, so that neither is cut short. */
const SETTINGS = {
  ...{ sites: 5, partition: 'iid', minimumPerSite: 4, rounds: 15, localSteps: 10 },
  protection: 'plain',
  ...{ compare: [], bootstrapReplicates: 100 },
} satisfies Partial<SimulationInput>;

export interface CellRequest {
  /** A target's file. */
  readonly dataset: string;
  readonly seed: number;
  readonly workers: number;
  /** Absent: from scratch. */
  readonly start?: Start;
  readonly quick: boolean;
}

export interface Start {
  /** Of the backbone. */
  readonly file: string;
  /** The body stays as the source made it: only the head is trained and sent. */
  readonly isFrozen: boolean;
}

export type CellFigures = Readonly<Record<'auc' | 'accuracy' | 'balancedAccuracy', number>> & {
  readonly bytesUpPerSite: number;
};

/** The figures of the round that is best on the validation images, on the held-out test images. */
export async function runCell(request: CellRequest, signal: AbortSignal): Promise<CellFigures> {
  const { dataset, seed, workers, start, quick } = request;
  const { result } = await runFederation(
    {
      ...SETTINGS,
      ...(quick && { rounds: 4, localSteps: 4 }),
      ...{ dataset: `npz:${dataset}`, seed, workers },
      preprocessing: PREPROCESSING,
      training: TRAINING,
      ...(start ? { initialModel: initialModelOf(start, quick) } : { architecture: ARCHITECTURE }),
    },
    { signal },
  );
  const { metrics } = result.test.federated;
  const of = (name: MetricName): number => metrics[name].value ?? NaN;
  const bytes = result.rounds.reduce((sum, { bytesUp = 0 }) => sum + bytesUp, 0);
  return {
    ...{ auc: of('auc'), accuracy: of('accuracy'), balancedAccuracy: of('balancedAccuracy') },
    bytesUpPerSite: bytes / result.sites.length,
  };
}

const TRAINING = {
  ...{ batchSize: 16, learningRate: 2e-3, schedule: { kind: 'cosine', floorFraction: 0.1 } },
} satisfies SimulationInput['training'];

/** The head first, alone; then, unless the body is frozen throughout, all of it, the body with a smaller rate. */
function initialModelOf({ file, isFrozen }: Start, quick: boolean): SimulationInput['initialModel'] {
  const freeze = ['block*'];
  return isFrozen ? { file, freeze } : { file, freeze, unfreezeAtRound: quick ? 2 : 4, bodyRateFactor: 0.3 };
}
