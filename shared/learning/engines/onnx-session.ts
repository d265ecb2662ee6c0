/**
 * A compiled model over ONNX Runtime, whichever build: the training graph in one session, the forward graph in another
 * that is made when it is first asked for. Inputs are views of the caller's flat arrays, read in place.
 */
import type { InferenceSession, Tensor, TensorConstructor } from 'onnxruntime-common';
import { freeBuffers } from '../../array-memory.ts';
import { EngineError, InvariantError, messageOf } from '../../errors.ts';
import { writeOnnx } from '../graph/onnx-file.ts';
import type { Graph, Model } from '../graph/types.ts';
import { lower } from '../lower/lower.ts';
import type { LowerTarget } from '../lower/target.ts';
import { microBatchOf } from '../micro-batch.ts';
import {
  gradientName,
  inferenceGraph,
  maskName,
  statisticsName,
  trainingGraph,
  type TrainingGraph,
} from '../training-graph.ts';
import { manifestOf, sizeOf, type Manifest, type ManifestEntry } from '../weights.ts';
import type { Batch, CompiledModel, CompileOptions, DropoutMask, StepResult } from './engine.ts';

export interface OnnxRuntime {
  readonly Tensor: TensorConstructor;
  readonly target: LowerTarget;
  /** Whether outputs can be written straight into given arrays. */
  readonly writesInPlace: boolean;
  create(model: Uint8Array): Promise<InferenceSession>;
}

type Values = Record<string, Tensor>;

/** One session with the arrays that its named inputs and outputs are bound to. */
class BoundSession {
  readonly #session: InferenceSession;
  readonly #runtime: OnnxRuntime;
  readonly #graph: Graph;

  private constructor(session: InferenceSession, runtime: OnnxRuntime, graph: Graph) {
    this.#session = session;
    this.#runtime = runtime;
    this.#graph = graph;
  }

  static async open(runtime: OnnxRuntime, graph: Graph): Promise<BoundSession> {
    try {
      return new BoundSession(await runtime.create(writeOnnx(graph)), runtime, graph);
    } catch (cause) {
      throw new EngineError(`The engine cannot compile graph "${graph.name}": ${messageOf(cause)}`, {
        cause,
      });
    }
  }

  /** A float32 tensor over `data` with the dimensions of the named input or output. */
  tensor(name: string, data: Float32Array): Tensor {
    const value =
      this.#graph.inputs.find((input) => input.name === name) ??
      this.#graph.outputs.find((output) => output.name === name);
    if (value === undefined) throw new InvariantError(`The graph has no value "${name}".`);
    const dims = value.dims.map(Number);
    if (sizeOf(dims) !== data.length) {
      throw new InvariantError(
        `"${name}" has ${String(sizeOf(dims))} values, but ${String(data.length)} were given.`,
      );
    }
    return new this.#runtime.Tensor('float32', data, dims);
  }

  async run(feeds: Values, fetches: Values): Promise<void> {
    if (this.#runtime.writesInPlace) {
      freeCopies(await this.#session.run(feeds, fetches), fetches);
      return;
    }
    const results = await this.#session.run(feeds, Object.keys(fetches));
    for (const [name, target] of Object.entries(fetches)) {
      const source = results[name]?.data;
      if (!(source instanceof Float32Array) || !(target.data instanceof Float32Array)) {
        throw new EngineError(`The engine returned no float32 values for "${name}".`);
      }
      target.data.set(source);
    }
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/** Beside writing into the given arrays the native binding returns a copy of each. */
function freeCopies(results: Readonly<Record<string, Tensor>>, fetches: Values): void {
  const copies = Object.entries(results).flatMap(([name, { data }]) => {
    const given = fetches[name]?.data;
    const isCopy =
      data instanceof Float32Array && given instanceof Float32Array && data.buffer !== given.buffer;
    return isCopy && data.buffer instanceof ArrayBuffer ? [data.buffer] : [];
  });
  freeBuffers(copies);
}

/** Bindings of a flat vector: one view a parameter, made once for each array that is passed. */
function viewsOf(
  manifest: Manifest,
  nameOf: (parameter: string, running: boolean) => string | undefined,
  bind: (name: string, data: Float32Array) => Tensor,
): (vector: Float32Array) => Values {
  const known = new WeakMap<Float32Array, Values>();
  return (vector) => {
    const found = known.get(vector);
    if (found !== undefined) return found;
    if (vector.length !== manifest.length) {
      throw new InvariantError(
        `The vector has ${String(vector.length)} values, the model ${String(manifest.length)}.`,
      );
    }
    const values: Values = {};
    for (const entry of manifest.entries) {
      const name = nameOf(entry.name, entry.kind === 'runningMean' || entry.kind === 'runningVariance');
      if (name === undefined) continue;
      values[name] = bind(name, vector.subarray(entry.offset, entry.offset + entry.length));
    }
    known.set(vector, values);
    return values;
  };
}

class OnnxCompiledModel implements CompiledModel {
  readonly dropoutMasks: readonly DropoutMask[];
  readonly #runtime: OnnxRuntime;
  readonly #model: Model;
  readonly #options: CompileOptions;
  readonly #training: BoundSession;
  readonly #graph: Graph;
  readonly #noMask: Float32Array;
  readonly #loss = new Float32Array(1);
  readonly #logits: Float32Array;
  readonly #norms: Float32Array;
  readonly #feedsOf: (weights: Float32Array) => Values;
  readonly #fetchesOf: (gradients: Float32Array) => Values;
  readonly #batches = new WeakMap<Batch, Values>();
  /** Slots of a gradient that the graph does not write. */
  readonly #untrained: readonly ManifestEntry[];
  #inference: Promise<Inference> | undefined;

  constructor(
    runtime: OnnxRuntime,
    model: Model,
    options: CompileOptions,
    training: TrainingGraph,
    session: BoundSession,
  ) {
    this.#runtime = runtime;
    this.#model = model;
    this.#options = options;
    this.#graph = training.graph;
    this.#training = session;
    this.dropoutMasks = training.dropoutMasks;
    this.#noMask = new Float32Array(this.#maskLength()).fill(1);
    this.#logits = new Float32Array(options.batchSize * model.classCount);
    this.#norms = new Float32Array(options.batchSize);
    const bind = session.tensor.bind(session);
    const manifest = manifestOf(model);
    const inputs = new Set(this.#graph.inputs.map((input) => input.name));
    this.#feedsOf = viewsOf(manifest, (name) => (inputs.has(name) ? name : undefined), bind);
    this.#fetchesOf = viewsOf(manifest, (name, running) => this.#outputFor(name, running), bind);
    this.#untrained = manifest.entries.filter(
      ({ name, kind }) =>
        this.#outputFor(name, kind === 'runningMean' || kind === 'runningVariance') === undefined,
    );
  }

  async gradients(weights: Float32Array, batch: Batch, out: Float32Array): Promise<StepResult> {
    const feeds = { ...this.#feedsOf(weights), ...this.#batchFeeds(batch) };
    const fetches = { ...this.#fetchesOf(out), ...this.#resultFetches() };
    for (const { offset, length } of this.#untrained) out.fill(0, offset, offset + length);
    await this.#training.run(feeds, fetches);
    return { loss: this.#loss[0] ?? Number.NaN, logits: this.#logits };
  }

  async predict(weights: Float32Array, images: Float32Array): Promise<Float32Array> {
    const { batchSize } = this.#options;
    const size = sizeOf(this.#model.imageDims);
    const count = images.length / size;
    if (!Number.isInteger(count)) throw new InvariantError('The images do not fit the model.');
    this.#inference ??= openInference(this.#runtime, this.#model, batchSize);
    const inference = await this.#inference;
    const logits = new Float32Array(count * this.#model.classCount);
    for (let start = 0; start < count; start += batchSize) {
      const part = images.subarray(start * size, Math.min(start + batchSize, count) * size);
      const result = await inference.run(weights, part);
      const from = start * this.#model.classCount;
      logits.set(result.subarray(0, (part.length / size) * this.#model.classCount), from);
    }
    return logits;
  }

  async dispose(): Promise<void> {
    await this.#training.release();
    if (this.#inference) await (await this.#inference).release();
  }

  #maskLength(): number {
    const perExample = this.dropoutMasks.reduce((total, mask) => total + mask.length, 0);
    return perExample * this.#options.batchSize;
  }

  #outputFor(parameter: string, running: boolean): string | undefined {
    const name = running ? statisticsName(parameter) : gradientName(parameter);
    return this.#graph.outputs.some((output) => output.name === name) ? name : undefined;
  }

  #batchFeeds(batch: Batch): Values {
    const known = this.#batches.get(batch);
    if (known !== undefined) return known;
    const feeds: Values = {
      images: this.#training.tensor('images', batch.images),
      targets: this.#training.tensor('targets', batch.targets),
      sampleWeights: this.#training.tensor('sampleWeights', batch.sampleWeights),
    };
    const masks = batch.dropoutMasks ?? this.#noMask;
    let offset = 0;
    this.dropoutMasks.forEach((mask, index) => {
      const length = mask.length * this.#options.batchSize;
      const name = maskName(index);
      feeds[name] = this.#training.tensor(name, masks.subarray(offset, offset + length));
      offset += length;
    });
    this.#batches.set(batch, feeds);
    return feeds;
  }

  #fixedFetches: Values | undefined;
  #resultFetches(): Values {
    const output = this.#model.graph.outputs[0]?.name ?? '';
    this.#fixedFetches ??= {
      loss: this.#training.tensor('loss', this.#loss),
      [output]: this.#training.tensor(output, this.#logits),
      ...(this.#options.perExampleClipL2Norm === undefined
        ? {}
        : { exampleNorms: this.#training.tensor('exampleNorms', this.#norms) }),
    };
    return this.#fixedFetches;
  }
}

interface Inference {
  run(weights: Float32Array, images: Float32Array): Promise<Float32Array>;
  release(): Promise<void>;
}

async function openInference(runtime: OnnxRuntime, model: Model, batchSize: number): Promise<Inference> {
  const graph = lower(inferenceGraph(model, batchSize), runtime.target);
  const session = await BoundSession.open(runtime, graph);
  const images = new Float32Array(batchSize * sizeOf(model.imageDims));
  const logits = new Float32Array(batchSize * model.classCount);
  const output = graph.outputs[0]?.name ?? '';
  const fixed = { images: session.tensor('images', images) };
  const fetches = { [output]: session.tensor(output, logits) };
  const inputs = new Set(graph.inputs.map((input) => input.name));
  const feedsOf = viewsOf(
    manifestOf(model),
    (name) => (inputs.has(name) ? name : undefined),
    session.tensor.bind(session),
  );
  return {
    async run(weights, part) {
      images.set(part);
      images.fill(0, part.length);
      await session.run({ ...feedsOf(weights), ...fixed }, fetches);
      return logits;
    },
    release: () => session.release(),
  };
}

/** @throws EngineError when the runtime refuses the graph, GraphError when it cannot be derived. */
export async function compileOnnx(
  runtime: OnnxRuntime,
  model: Model,
  options: CompileOptions,
): Promise<CompiledModel> {
  const { microBatches } = runtime.target;
  const microBatch = microBatches ? microBatchOf(model.graph, options.batchSize) : undefined;
  const training = trainingGraph(model, options, microBatch);
  const lowered = lower(training.graph, runtime.target);
  const session = await BoundSession.open(runtime, lowered);
  return new OnnxCompiledModel(runtime, model, options, { ...training, graph: lowered }, session);
}
