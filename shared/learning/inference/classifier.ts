/**
 * A trained model in use: reads a model file, prepares images as training did, and answers with calibrated probabilities,
 * on request with their spread over changed copies of the image (test-time augmentation: Wang et al. 2019, "Aleatoric
 * uncertainty estimation with test-time augmentation", §3).
 */
import { GraphError } from '../../errors.ts';
import { preprocessingSchema, type PreprocessingOptions } from '../../data/preprocessing-schema.ts';
import { prepareImage } from '../../data/prepare-image.ts';
import type { RawImage } from '../../data/resize.ts';
import { createRng, deriveSeed } from '../../rng.ts';
import { createAugmenter } from '../augmentation/augmenter.ts';
import {
  openGraphRunner,
  parameterFeeds,
  type GraphRunner,
  type RunnerEngine,
} from '../engines/graph-runner.ts';
import { createExplainer, type Explainer } from '../explanations/explainer.ts';
import { readModelFile, type ModelFile } from '../graph/model-file.ts';
import { inferenceGraph } from '../training-graph.ts';
import { sizeOf } from '../weights.ts';
import { readModelNotes, type ModelNotes } from './model-notes.ts';
import { decide, type DecisionRule, type Prediction } from './prediction.ts';

export interface ClassifyOptions {
  /** Changed copies beside the image itself. Default 0. */
  readonly augmentedCopies?: number;
  /** 0…1. Default 0: the model always answers. */
  readonly abstainBelow?: number;
}

export interface Classifier {
  readonly file: ModelFile;
  readonly notes: ModelNotes;
  readonly preprocessing: PreprocessingOptions;
  /** [C, H, W], ready for the model. */
  prepare(image: RawImage): Float32Array;
  /** @param planes [C, H, W], as `prepare` gives them */
  classify(planes: Float32Array, options?: ClassifyOptions): Promise<Prediction>;
  /** Made when it is first asked for. */
  explainer(): Explainer;
  dispose(): Promise<void>;
}

/** Copies that go through the model at a time. */
const COPIES = 8;

/** @throws GraphError when the file is no model of this program, EngineError when the engine does not load */
export async function openClassifier(bytes: Uint8Array, engine: RunnerEngine = 'onnx'): Promise<Classifier> {
  const file = readModelFile(bytes);
  const classifier = new FileClassifier(file, engine);
  // Compiled at once: a file that cannot run is refused here and not at the first image.
  await classifier.warmUp();
  return classifier;
}

function preprocessingOf({ description }: ModelFile): PreprocessingOptions {
  const parsed = preprocessingSchema.safeParse(description.preprocessing);
  if (parsed.success) return parsed.data;
  throw new GraphError(`The preprocessing in the model file cannot be used: ${parsed.error.message}`, {
    cause: parsed.error,
  });
}

class FileClassifier implements Classifier {
  readonly file: ModelFile;
  readonly notes: ModelNotes;
  readonly preprocessing: PreprocessingOptions;
  readonly #engine: RunnerEngine;
  readonly #runners = new Map<number, Promise<GraphRunner>>();
  #explainer: Explainer | undefined;

  constructor(file: ModelFile, engine: RunnerEngine) {
    this.file = file;
    this.notes = readModelNotes(file.metadata);
    this.preprocessing = preprocessingOf(file);
    this.#engine = engine;
  }

  async warmUp(): Promise<void> {
    await this.#logits(new Float32Array(sizeOf(this.file.model.imageDims)), 1);
  }

  prepare(image: RawImage): Float32Array {
    return prepareImage(image, { imageDims: this.file.model.imageDims, preprocessing: this.preprocessing });
  }

  async classify(planes: Float32Array, options: ClassifyOptions = {}): Promise<Prediction> {
    const { augmentedCopies = 0, abstainBelow = 0 } = options;
    const own = await this.#logits(planes, 1);
    const copies = augmentedCopies > 0 ? await this.#ofCopies(planes, augmentedCopies) : new Float32Array(0);
    const logits = new Float32Array(own.length + copies.length);
    logits.set(own);
    logits.set(copies, own.length);
    return decide(logits, this.#rule(abstainBelow));
  }

  explainer(): Explainer {
    this.#explainer ??= createExplainer(this.file.model, this.file.weights, { engine: this.#engine });
    return this.#explainer;
  }

  async dispose(): Promise<void> {
    for (const runner of this.#runners.values()) await (await runner).dispose();
    await this.#explainer?.dispose();
  }

  #rule(abstainBelow: number): DecisionRule {
    const { classNames, activation } = this.file.description;
    return { classNames, activation, temperature: this.notes.calibration?.temperature ?? 1, abstainBelow };
  }

  /** The same copies for the same number of them, whatever else was classified: answers repeat. */
  async #ofCopies(planes: Float32Array, count: number): Promise<Float32Array> {
    const { imageDims, classCount } = this.file.model;
    const augmenter = createAugmenter(this.notes.augmentation, imageDims);
    const rng = createRng(deriveSeed('test-time-augmentation', count));
    const logits = new Float32Array(count * classCount);
    const copies = new Float32Array(COPIES * planes.length);
    for (let first = 0; first < count; first += COPIES) {
      augmenter.write(planes, new Int32Array(COPIES), copies, rng);
      const part = await this.#logits(copies, COPIES);
      logits.set(part.subarray(0, Math.min(COPIES, count - first) * classCount), first * classCount);
    }
    return logits;
  }

  async #logits(images: Float32Array, batch: number): Promise<Float32Array> {
    const { model, weights } = this.file;
    const runner = this.#runners.get(batch) ?? openGraphRunner(inferenceGraph(model, batch), this.#engine);
    this.#runners.set(batch, runner);
    const results = await (
      await runner
    ).run(new Map([...parameterFeeds(model, weights), ['images', images]]));
    const logits = results.get(model.graph.outputs[0]?.name ?? '');
    if (logits === undefined) throw new GraphError('The model has no logits.');
    return logits;
  }
}
