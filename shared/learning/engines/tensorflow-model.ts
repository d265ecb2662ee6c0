/**
 * A compiled model in TensorFlow.js: the training form of the forward graph interpreted, gradients by `variableGrads`.
 * Every call works synchronously inside `tf.tidy`, so that no tensor outlives it but the variables and constants.
 */
import type * as tf from '@tensorflow/tfjs';
import { EngineError, GraphError, InvariantError } from '../../errors.ts';
import { replay, type GraphBuilder } from '../graph/builder.ts';
import type { Model } from '../graph/types.ts';
import { inferenceGraph, maskName, trainingForward, trainingGraph, type Forward } from '../training-graph.ts';
import { manifestOf, sizeOf, type Manifest, type ManifestEntry } from '../weights.ts';
import type { Batch, CompiledModel, CompileOptions, DropoutMask, StepResult } from './engine.ts';
import { constantTensors, interpret } from './tensorflow-graph.ts';
import type { TensorFlow } from './tensorflow-library.ts';
import { weightedLoss } from './tensorflow-loss.ts';

/** Keeps a division by the norm of a zero gradient finite; the training graph has the same floor. */
const SMALLEST_NORM = 1e-12;

type TensorMap = ReadonlyMap<string, tf.Tensor>;

export class TensorFlowModel implements CompiledModel {
  readonly dropoutMasks: readonly DropoutMask[];
  readonly #lib: TensorFlow;
  readonly #model: Model;
  readonly #options: CompileOptions;
  readonly #manifest: Manifest;
  readonly #training: Forward;
  readonly #inference: GraphBuilder;
  readonly #variables: ReadonlyMap<string, tf.Variable>;
  readonly #constants: TensorMap;
  readonly #logits: Float32Array;
  #disposed = false;

  /** @throws GraphError when the model cannot be trained with these options. */
  constructor(lib: TensorFlow, model: Model, options: CompileOptions) {
    this.#lib = lib;
    this.#model = model;
    this.#options = options;
    this.#manifest = manifestOf(model);
    // The derived graph is not run here: making it refuses the same models and options as the other engines do.
    this.dropoutMasks = trainingGraph(model, options).dropoutMasks;
    const clips = options.perExampleClipL2Norm !== undefined;
    this.#training = trainingForward(model, clips ? { ...options, batchSize: 1 } : options, undefined);
    this.#inference = replay(inferenceGraph(model, options.batchSize), options.batchSize);
    this.#variables = this.#createVariables();
    this.#constants = constantTensors(lib, this.#training.build);
    this.#logits = new Float32Array(options.batchSize * model.classCount);
  }

  gradients(weights: Float32Array, batch: Batch, out: Float32Array): Promise<StepResult> {
    return this.#call(() => {
      this.#check(weights, batch, out);
      this.#assign(weights);
      out.fill(0);
      const clip = this.#options.perExampleClipL2Norm;
      const loss =
        clip === undefined ? this.#step(batch, out, this.#logits) : this.#clipped(batch, out, clip);
      return { loss, logits: this.#logits };
    });
  }

  predict(weights: Float32Array, images: Float32Array): Promise<Float32Array> {
    return this.#call(() => {
      const { batchSize } = this.#options;
      const { classCount, imageDims } = this.#model;
      const pixels = sizeOf(imageDims);
      const count = images.length / pixels;
      if (!Number.isInteger(count)) throw new InvariantError('predict needs whole images');
      this.#assign(weights);
      const logits = new Float32Array(count * classCount);
      for (let start = 0; start < count; start += batchSize) {
        const here = Math.min(batchSize, count - start);
        const chunk = new Float32Array(batchSize * pixels);
        chunk.set(images.subarray(start * pixels, (start + here) * pixels));
        logits.set(this.#infer(chunk).subarray(0, here * classCount), start * classCount);
      }
      return logits;
    });
  }

  dispose(): Promise<void> {
    if (!this.#disposed) {
      for (const tensor of [...this.#variables.values(), ...this.#constants.values()]) tensor.dispose();
    }
    this.#disposed = true;
    return Promise.resolve();
  }

  /** Runs `work` at once; what it throws rejects the promise. */
  #call<T extends object>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      if (this.#disposed) throw new EngineError('The model is used after it was disposed of.');
      resolve(work());
    });
  }

  #createVariables(): ReadonlyMap<string, tf.Variable> {
    const lib = this.#lib;
    return new Map(
      this.#model.parameters.map(({ name, dims, trainable }) => [
        name,
        lib.tidy(() => lib.variable(lib.zeros([...dims]), trainable)),
      ]),
    );
  }

  #variable(entry: Pick<ManifestEntry, 'name'>): tf.Variable {
    const variable = this.#variables.get(entry.name);
    if (variable === undefined) throw new InvariantError(`parameter "${entry.name}" has no variable`);
    return variable;
  }

  #assign(weights: Float32Array): void {
    const lib = this.#lib;
    lib.tidy(() => {
      for (const entry of this.#manifest.entries) {
        const values = weights.slice(entry.offset, entry.offset + entry.length);
        this.#variable(entry).assign(lib.tensor(values, [...entry.dims]));
      }
    });
  }

  #check(weights: Float32Array, batch: Batch, out: Float32Array): void {
    const { batchSize } = this.#options;
    const { classCount, imageDims } = this.#model;
    const maskLength = this.dropoutMasks.reduce((sum, mask) => sum + mask.length * batchSize, 0);
    const wanted: readonly (readonly [string, number, number])[] = [
      ['weights', weights.length, this.#manifest.length],
      ['gradients', out.length, this.#manifest.length],
      ['images', batch.images.length, batchSize * sizeOf(imageDims)],
      ['targets', batch.targets.length, batchSize * classCount],
      ['sampleWeights', batch.sampleWeights.length, batchSize],
      ['dropoutMasks', batch.dropoutMasks?.length ?? maskLength, maskLength],
    ];
    for (const [name, length, expected] of wanted) {
      if (length !== expected) {
        throw new InvariantError(`${name} has ${String(length)} values, expected ${String(expected)}`);
      }
    }
  }

  #infer(images: Float32Array): Float32Array {
    const lib = this.#lib;
    return lib.tidy(() => {
      const dims = [this.#options.batchSize, ...this.#model.imageDims];
      const given: [string, tf.Tensor][] = [['images', lib.tensor(images, dims)]];
      const value = interpret(lib, this.#inference, [...this.#variables, ...this.#constants, ...given]);
      return Float32Array.from(value(this.#outputName()).dataSync());
    });
  }

  #outputName(): string {
    const [output] = this.#model.graph.outputs;
    if (output === undefined) throw new InvariantError('A model has one output.');
    return output.name;
  }

  /** The inputs of the training form by name; the sizes are those of `batch`. */
  #inputs(batch: Batch): [string, tf.Tensor][] {
    const lib = this.#lib;
    const count = batch.sampleWeights.length;
    const inputs: [string, tf.Tensor][] = [
      ['images', lib.tensor(batch.images, [count, ...this.#model.imageDims])],
    ];
    let offset = 0;
    this.dropoutMasks.forEach(({ length }, index) => {
      const dims = [...this.#training.build.typeOf(maskName(index)).dims];
      const values = batch.dropoutMasks?.subarray(offset, offset + count * length);
      inputs.push([maskName(index), values === undefined ? lib.ones(dims) : lib.tensor(values, dims)]);
      offset += count * length;
    });
    return inputs;
  }

  /** One pass: writes the gradients and statistics into `out` and the logits into `logits`, returns the loss. */
  #step(batch: Batch, out: Float32Array, logits: Float32Array): number {
    const lib = this.#lib;
    return lib.tidy(() => {
      const kept = new Map<string, tf.Tensor>();
      const targetDims = [batch.sampleWeights.length, this.#model.classCount];
      const forward = (): tf.Scalar => {
        const given = [...this.#variables, ...this.#constants, ...this.#inputs(batch)];
        const value = interpret(lib, this.#training.build, given);
        const output = value(this.#outputName());
        kept.set('logits', lib.keep(lib.clone(output)));
        for (const [parameter, name] of this.#training.statistics) {
          kept.set(parameter, lib.keep(lib.clone(value(name))));
        }
        const targets = lib.tensor(batch.targets, targetDims);
        const sampleWeights = lib.tensor1d(batch.sampleWeights);
        return weightedLoss(lib, { logits: output, targets, sampleWeights }, this.#options);
      };
      try {
        const trainable = this.#manifest.entries.filter((entry) => entry.trainable);
        const { value, grads } = lib.variableGrads(
          forward,
          trainable.map((entry) => this.#variable(entry)),
        );
        for (const entry of trainable) out.set(gradientOf(grads, this.#variable(entry), entry), entry.offset);
        for (const entry of this.#manifest.entries) {
          const statistics = kept.get(entry.name);
          if (statistics !== undefined) out.set(statistics.dataSync(), entry.offset);
        }
        logits.set(kept.get('logits')?.dataSync() ?? []);
        return value.dataSync()[0] ?? Number.NaN;
      } finally {
        for (const tensor of kept.values()) tensor.dispose();
      }
    });
  }

  /** Per-example clipping (Abadi et al. 2016, Algorithm 1), one example after the other. */
  #clipped(batch: Batch, out: Float32Array, clipL2Norm: number): number {
    const { classCount } = this.#model;
    const gradient = new Float32Array(out.length);
    let loss = 0;
    batch.sampleWeights.forEach((weight, index) => {
      const logits = this.#logits.subarray(index * classCount, (index + 1) * classCount);
      gradient.fill(0);
      loss += weight * this.#step(this.#example(batch, index), gradient, logits);
      const norm = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
      const factor = weight * Math.min(1, clipL2Norm / Math.max(norm, SMALLEST_NORM));
      for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) + factor * (gradient[i] ?? 0);
    });
    return loss;
  }

  /** Example `index` alone, with weight 1. */
  #example(batch: Batch, index: number): Batch {
    const count = this.#options.batchSize;
    const row = (values: Float32Array): Float32Array => {
      const length = values.length / count;
      return values.subarray(index * length, (index + 1) * length);
    };
    const example = {
      images: row(batch.images),
      targets: row(batch.targets),
      sampleWeights: new Float32Array([1]),
    };
    const masks = batch.dropoutMasks;
    if (masks === undefined) return example;
    let offset = 0;
    const parts = this.dropoutMasks.flatMap(({ length }) => {
      const part = row(masks.subarray(offset, offset + count * length));
      offset += count * length;
      return [...part];
    });
    return { ...example, dropoutMasks: Float32Array.from(parts) };
  }
}

function gradientOf(
  grads: Readonly<Record<string, tf.Tensor>>,
  variable: tf.Variable,
  entry: ManifestEntry,
): ArrayLike<number> {
  const gradient = grads[variable.name];
  if (gradient === undefined) {
    throw new GraphError(`Parameter "${entry.name}" does not influence the logits; remove it or freeze it.`);
  }
  return gradient.dataSync();
}
