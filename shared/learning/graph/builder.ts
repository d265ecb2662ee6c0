/**
 * Builds a graph node by node and knows the type of every value at once. A forward graph has a symbolic batch "N";
 * while it is built the batch counts as `NOMINAL_BATCH`, so that no rule mistakes it for a dimension to broadcast.
 */
import { GraphError } from '../../errors.ts';
import { findOperator } from '../ops/registry.ts';
import { describeNode } from './attributes.ts';
import type { Attributes, Dim, Domain, DType, Graph, GraphValue, Node, Tensor, TensorType } from './types.ts';

/** Stands for the batch size while a forward graph is built: a prime that no layer has as a size by habit. */
export const NOMINAL_BATCH = 7919;

export const bindDims = (dims: readonly Dim[], batch: number): number[] =>
  dims.map((dim) => (typeof dim === 'number' ? dim : batch));

export interface NodeOptions {
  readonly domain?: Domain;
  readonly name?: string;
  /** Names of the outputs; made up where absent. */
  readonly outputs?: readonly string[];
}

export class GraphBuilder {
  readonly #name: string;
  readonly #inputs: GraphValue[] = [];
  readonly #constants = new Map<string, Tensor>();
  readonly #constantNames = new Map<string, string>();
  readonly #nodes: Node[] = [];
  readonly #types = new Map<string, TensorType>();
  readonly #batch: number;
  #counter = 0;

  constructor(name: string, batch = NOMINAL_BATCH) {
    this.#name = name;
    this.#batch = batch;
  }

  /** The nodes so far, in order. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  input(name: string, dims: readonly Dim[], dtype: DType = 'float32'): string {
    this.#define(name, { dtype, dims: bindDims(dims, this.#batch) });
    this.#inputs.push({ name, dtype, dims });
    return name;
  }

  /** A constant under a name of its own. */
  namedConstant(name: string, tensor: Tensor): string {
    this.#define(name, { dtype: tensor.dtype, dims: tensor.dims });
    this.#constants.set(name, tensor);
    return name;
  }

  /** A float32 constant; equal ones are shared. */
  floats(values: ArrayLike<number>, dims: readonly number[]): string {
    const data = Float32Array.from(values);
    const key = `f${dims.join(',')}|${Array.from(data.slice(0, 64)).join(',')}|${String(data.length)}`;
    const known = data.length <= 64 ? this.#constantNames.get(key) : undefined;
    if (known !== undefined) return known;
    const name = this.namedConstant(this.#fresh('const'), { dtype: 'float32', dims, data });
    this.#constantNames.set(key, name);
    return name;
  }

  scalar(value: number): string {
    return this.floats([value], []);
  }

  /** A one-dimensional int64 constant; equal ones are shared. */
  ints(values: readonly number[]): string {
    const key = `i${values.join(',')}`;
    const known = this.#constantNames.get(key);
    if (known !== undefined) return known;
    const name = this.namedConstant(this.#fresh('const'), {
      dtype: 'int64',
      dims: [values.length],
      data: values,
    });
    this.#constantNames.set(key, name);
    return name;
  }

  constant(name: string): Tensor | undefined {
    return this.#constants.get(name);
  }

  /** Adds a node and returns the names of its outputs. @throws GraphError for an unknown operator or wrong shapes. */
  add(
    op: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    options: NodeOptions = {},
  ): readonly string[] {
    const domain = options.domain ?? '';
    const operator = findOperator(domain, op);
    const draft: Node = { name: options.name ?? '', domain, op, inputs, outputs: [], attributes };
    if (operator === undefined) throw new GraphError(`Operator "${op}" is not supported.`);
    if (inputs.length < operator.inputCount.min || inputs.length > operator.inputCount.max) {
      throw new GraphError(`${describeNode(draft)} has ${String(inputs.length)} inputs.`);
    }
    const types = operator.infer(this.#shapeContext(draft));
    const outputs = options.outputs ?? types.map(() => this.#fresh(op));
    outputs.forEach((name, index) => {
      const type = types[index];
      if (type === undefined) throw new GraphError(`${describeNode(draft)} has too many outputs.`);
      if (name !== '') this.#define(name, type);
    });
    this.#nodes.push({ ...draft, name: options.name ?? this.#fresh('node'), outputs });
    return outputs;
  }

  /** Adds a node and returns its first output. */
  op(op: string, inputs: readonly string[], attributes: Attributes = {}, options: NodeOptions = {}): string {
    const [first] = this.add(op, inputs, attributes, options);
    if (first === undefined) throw new GraphError(`${op} has no output.`);
    return first;
  }

  /** An operator of our own domain. */
  own(op: string, inputs: readonly string[], attributes: Attributes = {}): readonly string[] {
    return this.add(op, inputs, attributes, { domain: 'consilium' });
  }

  /** The type of a value; the symbolic batch counts as the batch size of this builder. */
  typeOf(name: string): TensorType {
    const type = this.#types.get(name);
    if (type === undefined) throw new GraphError(`Value "${name}" does not exist.`);
    return type;
  }

  has(name: string): boolean {
    return this.#types.has(name);
  }

  /** The finished graph with the given outputs, in order. */
  build(outputs: readonly string[]): Graph {
    const symbolic = this.#inputs.some((input) => input.dims.some((dim) => typeof dim === 'string'));
    return {
      name: this.#name,
      inputs: [...this.#inputs],
      constants: new Map(this.#constants),
      nodes: [...this.#nodes],
      outputs: outputs.map((name) => {
        const { dtype, dims } = this.typeOf(name);
        return { name, dtype, dims: dims.map((d) => (symbolic && d === NOMINAL_BATCH ? 'N' : d)) };
      }),
    };
  }

  #shapeContext(node: Node) {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : this.typeOf(name)));
    return {
      node,
      inputs,
      input: (index: number): TensorType => {
        const type = inputs[index];
        if (type === undefined)
          throw new GraphError(`Input ${String(index)} of ${describeNode(node)} is missing.`);
        return type;
      },
      constantInts: (index: number) => constantInts(node, index, (name) => this.#constants.get(name)),
    };
  }

  #define(name: string, type: TensorType): void {
    if (name === '' || this.#types.has(name)) throw new GraphError(`Value "${name}" is defined twice.`);
    this.#types.set(name, type);
  }

  #fresh(stem: string): string {
    for (;;) {
      const name = `${stem.toLowerCase()}_${String(++this.#counter)}`;
      if (!this.#types.has(name)) return name;
    }
  }
}

/** The values of a constant int64 input, undefined when it is omitted. @throws GraphError when it is no constant. */
export function constantInts(
  node: Node,
  index: number,
  lookup: (name: string) => Tensor | undefined,
): readonly number[] | undefined {
  const name = node.inputs[index];
  if (name === undefined || name === '') return undefined;
  const tensor = lookup(name);
  if (tensor?.dtype !== 'int64') {
    throw new GraphError(`Input ${String(index)} of ${describeNode(node)} must be an int64 constant.`);
  }
  return tensor.data;
}

/** A builder that holds everything of `graph` with the batch size bound. */
export function replay(graph: Graph, batch: number): GraphBuilder {
  const build = new GraphBuilder(graph.name, batch);
  for (const input of graph.inputs) build.input(input.name, bindDims(input.dims, batch), input.dtype);
  for (const [name, tensor] of graph.constants) build.namedConstant(name, tensor);
  for (const node of graph.nodes) build.add(node.op, node.inputs, node.attributes, node);
  return build;
}
