/**
 * The graph that is being built from a foreign one: its values, its parameters, and the emission of nodes that work for
 * a batch of any size. While it is built the batch counts as NOMINAL_BATCH, a prime, so that a size that is a multiple
 * of it is one that holds the batch.
 */
import { GraphError } from '../../errors.ts';
import { describeNode, int, ints } from '../graph/attributes.ts';
import { GraphBuilder, NOMINAL_BATCH } from '../graph/builder.ts';
import { requireBounded } from '../graph/onnx-file.ts';
import { quoted, type OnnxLimits } from '../graph/onnx-limits.ts';
import { sameDims, showDims } from '../graph/shapes.ts';
import type { Attributes, Domain, Node, Parameter, ParameterKind, TensorType } from '../graph/types.ts';
import { sizeOf } from '../weights.ts';
import { typeOfConstant, type Constant, type FloatConstant, type Value } from './constant.ts';
import { parameterName } from './parameter-names.ts';

/** Values that one example makes in the whole graph; the largest published classifiers stay far below. */
const MOST_ACTIVATIONS = 2 ** 30;

export const holdsBatch = (size: number): boolean => size > 0 && size % NOMINAL_BATCH === 0;

export interface ImportOptions {
  readonly opset: number;
  readonly limits: OnnxLimits;
  /** The batch size that the file fixes; undefined where it leaves it open. */
  readonly fileBatch: number | undefined;
}

export class ImportContext {
  readonly build: GraphBuilder;
  readonly options: ImportOptions;
  readonly notes = new Set<string>();
  readonly parameters: Parameter[] = [];
  readonly #values = new Map<string, Value>();
  readonly #transposed = new Map<string, { readonly source: string; readonly perm: readonly number[] }>();
  readonly #pixels = new Set<string>();
  /** Values whose axis with the batch has other examples' neighbours outside it: how many steps lie before the batch. */
  readonly #outer = new Map<string, number>();
  readonly #usedOrigins = new Set<string>();
  #zeros: string | undefined;
  #weights = 0;
  #activations = 0;
  #current: Node | undefined;

  constructor(name: string, options: ImportOptions) {
    this.build = new GraphBuilder(name === '' ? 'imported' : name.slice(0, 200));
    this.options = options;
  }

  /** The node of the file whose meaning is being emitted, for messages. */
  set current(node: Node | undefined) {
    this.#current = node;
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  /** @throws GraphError when nothing has made the value. */
  get(name: string): Value {
    const value = this.#values.get(name);
    if (value === undefined)
      throw new GraphError(`${this.#where()} uses ${quoted(name)}, an output that is not supported here.`);
    return value;
  }

  typeOf(value: Value): TensorType {
    return value.kind === 'constant' ? typeOfConstant(value.constant) : this.build.typeOf(value.name);
  }

  /** Marks a value as pixels: the images, or these after arithmetic with fixed numbers. */
  markPixels(name: string): void {
    this.#pixels.add(name);
  }

  isPixels(value: Value): boolean {
    return value.kind === 'graph' && this.#pixels.has(value.name);
  }

  /** Adds a node and returns its first output. */
  emit(op: string, inputs: readonly string[], attributes: Attributes = {}, domain: Domain = ''): string {
    const output = this.build.op(op, inputs, attributes, { domain });
    const { dims } = this.build.typeOf(output);
    this.#setOuter(output, this.#outerOf(inputs));
    const node = this.#current;
    if (node) requireBounded(node, dims, this.options.limits);
    this.#activations += sizeOf(dims) / (dims.some(holdsBatch) ? NOMINAL_BATCH : 1);
    if (this.#activations > MOST_ACTIVATIONS)
      throw new GraphError(`${this.#where()} and those before it make too many values for one example.`);
    return output;
  }

  /** A value as a tensor of our graph. A constant becomes a parameter where it has a role, or plainly was one. */
  tensor(value: Value, role?: ParameterKind): string {
    if (value.kind === 'graph') return value.name;
    const { constant } = value;
    if (constant.dtype !== 'float32')
      throw new GraphError(`${this.#where()} computes with integers, which is not supported.`);
    if (role !== undefined) return this.parameter(constant, role);
    if (constant.origin !== undefined && constant.data.length > 1) return this.parameter(constant, 'bias');
    return this.constant(constant);
  }

  /**
   * How many values lie before the batch in memory, the batch not counted: what no reshape changes.
   * @returns undefined where the value has no batch
   */
  beforeBatch(name: string): number | undefined {
    const { dims } = this.build.typeOf(name);
    const axis = dims.findIndex(holdsBatch);
    return axis === -1 ? undefined : sizeOf(dims.slice(0, axis)) * (this.#outer.get(name) ?? 1);
  }

  /** @throws GraphError when the inputs order their examples differently */
  #outerOf(inputs: readonly string[]): number {
    const batched = inputs.filter((name) => name !== '' && this.build.typeOf(name).dims.some(holdsBatch));
    const orders = new Set(batched.map((name) => this.#outer.get(name) ?? 1));
    if (orders.size > 1)
      throw new GraphError(`${this.#where()} joins values that order the examples of a batch differently.`);
    return [...orders][0] ?? 1;
  }

  #setOuter(name: string, steps: number): void {
    if (steps === 1) this.#outer.delete(name);
    else this.#outer.set(name, steps);
  }

  constant(constant: Constant): string {
    if (constant.dtype !== 'float32')
      throw new GraphError(`${this.#where()} computes with integers, which is not supported.`);
    return this.build.floats(constant.data, constant.dims);
  }

  /** A new parameter with these values. Two nodes that share one get one each: exporters merge equal initialisers. */
  parameter(constant: FloatConstant, kind: ParameterKind): string {
    const { dims, data, origin } = constant;
    this.#weights += data.length;
    if (this.#weights > this.options.limits.totalTensorBytes / 4)
      throw new GraphError(`${this.#where()} and those before it have too many weights.`);
    if (!data.every(Number.isFinite))
      throw new GraphError(
        `The weights ${quoted(origin ?? '')} of ${this.#where()} hold a value that is not finite.`,
      );
    if (origin !== undefined && this.#usedOrigins.has(origin))
      this.notes.add('Weights that several nodes shared are separate parameters now.');
    if (origin !== undefined) this.#usedOrigins.add(origin);
    const name = parameterName(origin ?? `${this.#current?.name ?? ''}.${kind}`, (taken) =>
      this.build.has(taken),
    );
    this.build.input(name, dims);
    const trainable = kind !== 'runningMean' && kind !== 'runningVariance';
    this.parameters.push({ name, dims, kind, trainable, initializer: { kind: 'given', values: data } });
    return name;
  }

  /** Other dimensions, one of which holds the batch where one did before. */
  reshape(name: string, dims: readonly number[]): string {
    const from = this.build.typeOf(name).dims;
    if (sameDims(from, dims)) return name;
    const batchAxes = dims.flatMap((size, axis) => (holdsBatch(size) ? [axis] : []));
    const [axis = 0] = batchAxes;
    const steps = (this.beforeBatch(name) ?? 1) / sizeOf(dims.slice(0, axis));
    const fits =
      batchAxes.length === 1 && ((dims[axis] ?? 0) / NOMINAL_BATCH / steps) % 1 === 0 && steps % 1 === 0;
    if (!fits && from.some(holdsBatch))
      throw new GraphError(
        `${this.#where()} makes ${this.#show(dims)} of ${this.#show(from)}, which mixes the examples of a batch.`,
      );
    const output = this.#emitReshape(name, dims, batchAxes[0]);
    this.#setOuter(output, steps);
    return output;
  }

  #emitReshape(name: string, dims: readonly number[], batchAxis: number | undefined): string {
    const leads = batchAxis === 0 && this.build.typeOf(name).dims[0] === dims[0] && dims[0] === NOMINAL_BATCH;
    if (leads && dims.length === 2) return this.emit('Flatten', [name], { axis: int(1) });
    const shape = dims.map((size, axis) => (axis === batchAxis ? (leads ? 0 : -1) : size));
    return this.emit('Reshape', [name, this.build.ints(shape)]);
  }

  /** Axes in another order; two of these in a row become one, or none. */
  transpose(name: string, perm: readonly number[]): string {
    const before = this.#transposed.get(name);
    const source = before?.source ?? name;
    const joined = before ? perm.map((axis) => before.perm[axis] ?? 0) : perm;
    if (joined.every((axis, index) => axis === index)) return source;
    const output = this.emit('Transpose', [source], { perm: ints(joined) });
    this.#transposed.set(output, { source, perm: joined });
    return output;
  }

  /** `count` positions of an axis from `start` on, every `step`. @throws GraphError along the batch */
  slice(name: string, axis: number, start: number, count: number, step = 1): string {
    const size = this.build.typeOf(name).dims[axis] ?? 0;
    if (start === 0 && count === size && step === 1) return name;
    this.requireNoBatch(name, axis);
    const lists = [[start], [Math.min(start + count * step, size)], [axis], ...(step === 1 ? [] : [[step]])];
    return this.emit('Slice', [name, ...lists.map((list) => this.build.ints(list))]);
  }

  /** @throws GraphError when the axis holds the batch. */
  requireNoBatch(name: string, axis: number): void {
    if (holdsBatch(this.build.typeOf(name).dims[axis] ?? 0))
      throw new GraphError(`${this.#where()} works along the batch, which mixes its examples.`);
  }

  /**
   * A value without a batch, repeated for each example: [1, …] → [N, …]. Zeros that have the batch's size are added,
   * because no operator of a graph with an open batch can name it.
   */
  repeatForBatch(name: string): string {
    const { dims } = this.build.typeOf(name);
    const zeros = this.reshape(this.#batchZeros(), [NOMINAL_BATCH, ...dims.slice(1).map(() => 1)]);
    return this.emit('Add', [name, zeros]);
  }

  /** [N, 1, 1, 1] of zeros. */
  #batchZeros(): string {
    if (this.#zeros === undefined) {
      const bounds = [
        [0, 0, 0],
        [1, 1, 1],
        [1, 2, 3],
      ].map((list) => this.build.ints(list));
      const pixel = this.emit('Slice', ['images', ...bounds]);
      this.#zeros = this.emit('Mul', [pixel, this.build.scalar(0)]);
    }
    return this.#zeros;
  }

  #where(): string {
    return this.#current ? describeNode(this.#current) : 'The graph';
  }

  #show(dims: readonly number[]): string {
    return showDims(dims.map((size) => (size === NOMINAL_BATCH ? 'N' : size)));
  }
}
