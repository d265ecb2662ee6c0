/** Writes nodes of a lowered graph. It keeps no shapes: the rules know them from the graph that they lower. */
import { InvariantError } from '../../errors.ts';
import { int, ints } from '../graph/attributes.ts';
import type { Attributes, Domain, Graph, GraphValue, Node, Tensor } from '../graph/types.ts';

export class Emitter {
  readonly #constants = new Map<string, Tensor>();
  readonly #constantNames = new Map<string, string>();
  readonly #nodes: Node[] = [];
  #counter = 0;

  /** Takes over a constant of the source graph under its name. */
  keep(name: string, tensor: Tensor): void {
    this.#constants.set(name, tensor);
  }

  add(
    op: string,
    inputs: readonly string[],
    attributes: Attributes,
    domain: Domain,
    outputs: number,
  ): string[] {
    const id = ++this.#counter;
    const names = Array.from({ length: outputs }, (_, index) => `${op}.${String(id)}.${String(index)}`);
    this.#nodes.push({ name: `${op}.${String(id)}`, domain, op, inputs, outputs: names, attributes });
    return names;
  }

  op(op: string, inputs: readonly string[], attributes: Attributes = {}, domain: Domain = ''): string {
    return this.add(op, inputs, attributes, domain, 1)[0] ?? '';
  }

  /** An operator of ONNX Runtime's blocked layout. */
  blocked(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.op(op, inputs, attributes, 'com.microsoft.nchwc');
  }

  floats(values: ArrayLike<number>, dims: readonly number[]): string {
    const data = Float32Array.from(values);
    const short = data.length <= 16 ? data.join(',') : `${String(data.length)}x${String(data[0])}`;
    const uniform = data.every((value) => Object.is(value, data[0]));
    if (data.length > 16 && !uniform) return this.#constant({ dtype: 'float32', dims, data });
    return this.#shared(`f[${dims.join(',')}]${short}`, { dtype: 'float32', dims, data });
  }

  scalar(value: number): string {
    return this.floats([value], []);
  }

  ints(values: readonly number[]): string {
    return this.#shared(`i${values.join(',')}`, { dtype: 'int64', dims: [values.length], data: values });
  }

  reshape(value: string, dims: readonly number[]): string {
    return this.op('Reshape', [value, this.ints(dims)]);
  }

  transpose(value: string, perm: readonly number[]): string {
    return this.op('Transpose', [value], { perm: ints(perm) });
  }

  concat(values: readonly string[], axis: number): string {
    const [only] = values;
    return values.length === 1 && only !== undefined ? only : this.op('Concat', values, { axis: int(axis) });
  }

  sum(value: string, axes: readonly number[], keep = false): string {
    return this.op('ReduceSum', [value, this.ints(axes)], { keepdims: int(keep ? 1 : 0) });
  }

  mean(value: string, axes: readonly number[], keep = false): string {
    return this.op('ReduceMean', [value, this.ints(axes)], { keepdims: int(keep ? 1 : 0) });
  }

  slice(
    value: string,
    axes: readonly number[],
    starts: readonly number[],
    ends: readonly number[],
    steps: readonly number[] = axes.map(() => 1),
  ): string {
    const bounds = [starts, ends, axes].map((list) => this.ints(list));
    const unit = steps.every((step) => step === 1);
    return this.op('Slice', [value, ...bounds, ...(unit ? [] : [this.ints(steps)])]);
  }

  /** `pads`: begin of every axis, then end of every axis. */
  pad(value: string, pads: readonly number[], fill = 0): string {
    if (pads.every((size) => size === 0)) return value;
    return this.op('Pad', [value, this.ints(pads), this.scalar(fill)]);
  }

  /** The weights' window turned by 180°: [a, b, kh, kw] → the same shape. */
  flip(value: string, dims: readonly number[]): string {
    const [a = 0, b = 0, height = 1, width = 1] = dims;
    if (height * width === 1) return value;
    const flat = this.reshape(value, [a, b, height * width]);
    return this.reshape(this.slice(flat, [2], [-1], [-height * width - 1], [-1]), dims);
  }

  /** The finished graph; `outputs` maps each output to the value that holds it, whose producer takes the output's name. */
  finish(
    name: string,
    inputs: readonly GraphValue[],
    outputs: readonly (readonly [GraphValue, string])[],
  ): Graph {
    const fixed = new Set([...inputs.map((input) => input.name), ...this.#constants.keys()]);
    const renamed = new Map<string, string>();
    const copies: Node[] = [];
    for (const [output, value] of outputs) {
      if (output.name === value) continue;
      if (!fixed.has(value) && !renamed.has(value)) renamed.set(value, output.name);
      else copies.push(copyNode(renamed.get(value) ?? value, output.name));
    }
    const final = (value: string): string => renamed.get(value) ?? value;
    const nodes = this.#nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(final),
      outputs: node.outputs.map(final),
    }));
    return withoutUnused({
      name,
      inputs,
      constants: this.#constants,
      nodes: [...nodes, ...copies],
      outputs: outputs.map(([output]) => output),
    });
  }

  #shared(key: string, tensor: Tensor): string {
    const known = this.#constantNames.get(key);
    if (known !== undefined) return known;
    const name = this.#constant(tensor);
    this.#constantNames.set(key, name);
    return name;
  }

  #constant(tensor: Tensor): string {
    const name = `constant.${String(++this.#counter)}`;
    this.#constants.set(name, tensor);
    return name;
  }
}

const copyNode = (from: string, to: string): Node => ({
  name: `copy.${to}`,
  domain: '',
  op: 'Identity',
  inputs: [from],
  outputs: [to],
  attributes: {},
});

/** Drops nodes and constants on which no output depends. Inputs stay: they are the graph's interface. */
function withoutUnused(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map((output) => output.name));
  const nodes: Node[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of node.inputs) needed.add(name);
    nodes.push(node);
  }
  const produced = new Set(nodes.flatMap((node) => node.outputs));
  for (const output of graph.outputs) {
    const given = graph.inputs.some((input) => input.name === output.name);
    if (!produced.has(output.name) && !given)
      throw new InvariantError(`Output "${output.name}" has no producer.`);
  }
  const constants = new Map([...graph.constants].filter(([name]) => needed.has(name)));
  return { ...graph, nodes: nodes.reverse(), constants };
}
