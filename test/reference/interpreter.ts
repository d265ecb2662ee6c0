/**
 * Runs a forward graph in float64 with plain loops, one operator after the other: slow, and short enough to be checked
 * by eye. Training forms are chosen by `options`; everything else follows the ONNX definitions.
 */
import type { Attribute, Graph, Node, Tensor } from '../../shared/learning/graph/types.ts';
import * as elementwise from './elementwise.ts';
import { add, clip, div, expand, hardSwish, mul, neg, relu, sigmoid, sub } from './elementwise.ts';
import { concat, flatten, pad, reduceMean, reduceSum, reshape, slice, softmax, transpose } from './layout.ts';
import { gemm, matmul } from './matrix.ts';
import {
  batchNormalization,
  batchStatistics,
  groupNormalization,
  layerNormalization,
} from './normalization.ts';
import { at, tensor, type Tensor64 } from './tensor64.ts';
import { averagePool, conv, convTranspose, globalAveragePool, maxPool, type Window } from './window.ts';

export interface ReferenceOptions {
  /** BatchNormalization uses the statistics of its batch. Default: the running ones. */
  readonly batchStatistics?: boolean;
  /** Masks of 0 and 1/(1−ratio), one a Dropout node, in graph order. Absent: nothing is dropped. */
  readonly dropoutMasks?: readonly Tensor64[];
}

/** Default of ONNX's normalisation operators. */
const EPSILON = 1e-5;

class NodeView {
  readonly node: Node;
  readonly #values: ReadonlyMap<string, Tensor64>;

  constructor(node: Node, values: ReadonlyMap<string, Tensor64>) {
    this.node = node;
    this.#values = values;
  }

  optional(index: number): Tensor64 | undefined {
    const name = this.node.inputs[index] ?? '';
    return name === '' ? undefined : this.#values.get(name);
  }

  input(index: number): Tensor64 {
    const value = this.optional(index);
    if (!value) throw new Error(`${this.node.op}: input ${String(index)} is missing`);
    return value;
  }

  /** Values of an integer input; empty where it is omitted. */
  integers(index: number): readonly number[] {
    return Array.from(this.optional(index)?.data ?? []);
  }

  number(name: string, fallback: number): number {
    const value = this.#attribute(name)?.value;
    return typeof value === 'number' ? value : fallback;
  }

  list(name: string): readonly number[] | undefined {
    const value = this.#attribute(name)?.value;
    return typeof value === 'object' ? value : undefined;
  }

  text(name: string, fallback: string): string {
    const value = this.#attribute(name)?.value;
    return typeof value === 'string' ? value : fallback;
  }

  #attribute(name: string): Attribute | undefined {
    return this.node.attributes[name];
  }
}

const pairOf = (values: readonly number[] | undefined): [number, number] =>
  values ? [at(values, 0), at(values, 1)] : [1, 1];

/** auto_pad of ONNX: SAME gives ceil(size / stride) positions; an odd total puts the larger half at the end for UPPER. */
function padsOf(view: NodeView, x: Tensor64, w: Omit<Window, 'pads'>): Window['pads'] {
  const auto = view.text('auto_pad', 'NOTSET');
  const given = view.list('pads');
  if (auto === 'NOTSET')
    return given ? [at(given, 0), at(given, 1), at(given, 2), at(given, 3)] : [0, 0, 0, 0];
  if (auto === 'VALID') return [0, 0, 0, 0];
  const along = (axis: 0 | 1): [number, number] => {
    const size = at(x.dims, 2 + axis);
    const reach =
      (Math.ceil(size / w.strides[axis]) - 1) * w.strides[axis] +
      (w.kernel[axis] - 1) * w.dilations[axis] +
      1;
    const total = Math.max(0, reach - size);
    const half = Math.floor(total / 2);
    return auto === 'SAME_UPPER' ? [half, total - half] : [total - half, half];
  };
  const [top, bottom] = along(0);
  const [left, right] = along(1);
  return [top, left, bottom, right];
}

function windowOf(view: NodeView, x: Tensor64, kernel: readonly number[] | undefined): Window {
  const shape = {
    kernel: pairOf(kernel),
    strides: pairOf(view.list('strides')),
    dilations: pairOf(view.list('dilations')),
  };
  return { ...shape, pads: padsOf(view, x, shape) };
}

type Rule = (view: NodeView, options: ReferenceOptions) => Tensor64;

const unary =
  (f: (x: Tensor64) => Tensor64): Rule =>
  (view) =>
    f(view.input(0));
const binary =
  (f: (a: Tensor64, b: Tensor64) => Tensor64): Rule =>
  (view) =>
    f(view.input(0), view.input(1));

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['Add', binary(add)],
  ['Sub', binary(sub)],
  ['Mul', binary(mul)],
  ['Div', binary(div)],
  ['Neg', unary(neg)],
  ['Relu', unary(relu)],
  ['Sigmoid', unary(sigmoid)],
  ['HardSwish', unary(hardSwish)],
  ['Identity', unary((x) => x)],
  ['Sqrt', unary(elementwise.sqrt)],
  ['Exp', unary(elementwise.exp)],
  ['Tanh', unary(elementwise.tanh)],
  ['Erf', unary(elementwise.erf)],
  ['Reciprocal', unary(elementwise.reciprocal)],
  ['Pow', binary(elementwise.pow)],
  ['PRelu', binary(elementwise.prelu)],
  ['Gelu', (view) => elementwise.gelu(view.input(0), view.text('approximate', 'none'))],
  ['LeakyRelu', (view) => elementwise.leakyRelu(view.input(0), view.number('alpha', 0.01))],
  [
    'HardSigmoid',
    (view) => elementwise.hardSigmoid(view.input(0), view.number('alpha', 0.2), view.number('beta', 0.5)),
  ],
  [
    'Slice',
    (view) => slice(view.input(0), view.integers(1), view.integers(2), view.integers(3), view.integers(4)),
  ],
  ['Pad', (view) => pad(view.input(0), view.integers(1), view.optional(2)?.data[0] ?? 0)],
  [
    'LayerNormalization',
    (view) =>
      layerNormalization(
        view.input(0),
        view.input(1),
        view.optional(2),
        view.number('axis', -1),
        view.number('epsilon', EPSILON),
      ),
  ],
  [
    'ConvTranspose',
    (view) => {
      const [x, weights] = [view.input(0), view.input(1)];
      const window = windowOf(view, x, weights.dims.slice(2));
      const extra = view.list('output_padding') ?? [0, 0];
      return convTranspose(x, weights, view.optional(2), view.number('group', 1), window, extra);
    },
  ],
  ['Softmax', unary(softmax)],
  ['GlobalAveragePool', unary(globalAveragePool)],
  ['MatMul', binary(matmul)],
  ['Clip', (view) => clip(view.input(0), view.optional(1)?.data[0], view.optional(2)?.data[0])],
  ['Expand', (view) => expand(view.input(0), view.integers(1))],
  ['Reshape', (view) => reshape(view.input(0), view.integers(1))],
  ['Flatten', (view) => flatten(view.input(0), view.number('axis', 1))],
  [
    'Transpose',
    (view) =>
      transpose(
        view.input(0),
        view.list('perm') ??
          view
            .input(0)
            .dims.map((_, axis) => axis)
            .reverse(),
      ),
  ],
  [
    'Concat',
    (view) =>
      concat(
        view.node.inputs.map((_, i) => view.input(i)),
        view.number('axis', 0),
      ),
  ],
  ['ReduceSum', (view) => reduceSum(view.input(0), view.integers(1), view.number('keepdims', 1) === 1)],
  ['ReduceMean', (view) => reduceMean(view.input(0), view.integers(1), view.number('keepdims', 1) === 1)],
  [
    'Gemm',
    (view) =>
      gemm(view.input(0), view.input(1), view.optional(2), {
        alpha: view.number('alpha', 1),
        beta: view.number('beta', 1),
        transA: view.number('transA', 0) === 1,
        transB: view.number('transB', 0) === 1,
      }),
  ],
  [
    'Conv',
    (view) => {
      const [x, weights] = [view.input(0), view.input(1)];
      return conv(
        x,
        weights,
        view.optional(2),
        view.number('group', 1),
        windowOf(view, x, weights.dims.slice(2)),
      );
    },
  ],
  ['MaxPool', (view) => maxPool(view.input(0), windowOf(view, view.input(0), view.list('kernel_shape')))],
  [
    'AveragePool',
    (view) => {
      const window = windowOf(view, view.input(0), view.list('kernel_shape'));
      return averagePool(view.input(0), window, view.number('count_include_pad', 0) === 1);
    },
  ],
  [
    'BatchNormalization',
    (view, options) => {
      const x = view.input(0);
      const statistics = options.batchStatistics
        ? batchStatistics(x)
        : { mean: view.input(3), variance: view.input(4) };
      const parameters = { scale: view.input(1), shift: view.input(2) };
      return batchNormalization(x, parameters, statistics, view.number('epsilon', EPSILON));
    },
  ],
  [
    'GroupNormalization',
    (view) => {
      const parameters = { scale: view.input(1), shift: view.input(2) };
      return groupNormalization(
        view.input(0),
        parameters,
        view.number('num_groups', 0),
        view.number('epsilon', EPSILON),
      );
    },
  ],
]);

const constantValue = (constant: Tensor): Tensor64 => tensor(constant.dims, constant.data);

/** The values of the graph's outputs, in order. `inputs` holds every graph input by its name. */
export function runReference(
  graph: Graph,
  inputs: ReadonlyMap<string, Tensor64>,
  options: ReferenceOptions = {},
): readonly Tensor64[] {
  const values = new Map(inputs);
  for (const [name, constant] of graph.constants) values.set(name, constantValue(constant));
  let dropouts = 0;
  const dropout = (x: Tensor64): Tensor64 => {
    const mask = options.dropoutMasks?.[dropouts++];
    return mask ? mul(x, mask) : x;
  };
  for (const node of graph.nodes) {
    const view = new NodeView(node, values);
    const rule = RULES.get(node.op);
    if (!rule && node.op !== 'Dropout') throw new Error(`the reference has no operator ${node.op}`);
    const [output = ''] = node.outputs;
    values.set(output, rule ? rule(view, options) : dropout(view.input(0)));
  }
  return graph.outputs.map(({ name }) => {
    const value = values.get(name);
    if (!value) throw new Error(`nothing makes the output ${name}`);
    return value;
  });
}
