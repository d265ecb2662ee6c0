/** Operators and their older forms: what is imported computes what ONNX Runtime computes with the file itself. */
import { describe, it } from 'vitest';
import { openNativeEngine } from '../../../../shared/learning/engines/onnx-native.ts';
import { node, type Fields } from '../../../reference/onnx-proto.ts';
import {
  attributes,
  dense,
  expectSameLogits,
  floats,
  foreignFile,
  longs,
  type ForeignFile,
} from './foreign-file.ts';

const engine = await openNativeEngine();

interface OperatorCase extends ForeignFile {
  readonly name: string;
}

/** Nodes from `x` to `v`, which has `size` values an example. */
function toValue(
  name: string,
  size: number,
  nodes: readonly Fields[],
  rest: Pick<ForeignFile, 'initializers' | 'opset' | 'input'> = {},
): OperatorCase {
  const end = dense('v', size);
  return {
    ...rest,
    name: `${name}${rest.opset === undefined ? '' : ` (operator set ${String(rest.opset)})`}`,
    nodes: [...nodes, ...end.nodes],
    initializers: [...(rest.initializers ?? []), ...end.initializers],
  };
}

const unary = (op: string, values: Parameters<typeof attributes>[0] = {}, opset = 17): OperatorCase =>
  toValue(`${op} ${JSON.stringify(values)}`, 48, [node(op, ['x'], ['v'], attributes(values))], { opset });

const ELEMENTWISE = [
  ...['Relu', 'Sigmoid', 'Tanh', 'Erf', 'Exp', 'Neg', 'HardSwish', 'HardSigmoid', 'Identity'].map((op) =>
    unary(op),
  ),
  unary('LeakyRelu', { alpha: 0.3 }),
  unary('HardSigmoid', { alpha: 0.25, beta: 0.4 }),
  unary('Gelu', {}, 20),
  unary('Gelu', { approximate: 'tanh' }, 20),
  unary('Softmax', { axis: -1 }),
  unary('Softmax', { axis: 1 }),
  unary('Softmax', { axis: 2 }, 11),
  unary('Softmax', {}, 11),
  unary('Cast', { to: 1 }),
  toValue('PRelu', 48, [node('PRelu', ['x', 's'], ['v'])], { initializers: [floats('s', [2, 1, 1])] }),
  toValue('Clip', 48, [node('Clip', ['x', 'low', 'high'], ['v'])], {
    initializers: [floats('low', [], [-0.5]), floats('high', [], [0.7])],
  }),
  toValue('Clip without a lower bound', 48, [node('Clip', ['x', '', 'high'], ['v'])], {
    initializers: [floats('high', [], [0.7])],
  }),
  toValue('Max and Min with a number', 48, [node('Max', ['x', 'a'], ['m']), node('Min', ['b', 'm'], ['v'])], {
    initializers: [floats('a', [], [0]), floats('b', [1], [0.6])],
  }),
  ...[1, 2, 3].map((exponent) =>
    toValue(`Pow ${String(exponent)}`, 48, [node('Pow', ['x', 'e'], ['v'])], {
      initializers: [floats('e', [], [exponent])],
    }),
  ),
  toValue('Sqrt and Reciprocal', 48, [
    node('Exp', ['x'], ['p']),
    node('Sqrt', ['p'], ['r']),
    node('Reciprocal', ['r'], ['v']),
  ]),
  toValue(
    'Add, Sub, Mul, Div with weights',
    48,
    [
      node('Add', ['x', 'a'], ['1']),
      node('Sub', ['1', 'b'], ['2']),
      node('Mul', ['c', '2'], ['3']),
      node('Div', ['3', 'd'], ['v']),
    ],
    {
      initializers: [
        floats('a', [2, 1, 1]),
        floats('b', [6]),
        floats('c', [1, 2, 4, 6]),
        floats('d', [], [1.7]),
      ],
    },
  ),
  toValue('Sum of three', 48, [node('Sum', ['x', 'x', 'a'], ['v'])], { initializers: [floats('a', [4, 6])] }),
  toValue('Dropout', 48, [node('Dropout', ['x', 'r'], ['v'])], { initializers: [floats('r', [], [0.3])] }),
  toValue('Dropout', 48, [node('Dropout', ['x'], ['v'], attributes({ ratio: 0.25 }))], { opset: 11 }),
];

const window = (op: string, size: number, values: Parameters<typeof attributes>[0]): OperatorCase =>
  toValue(`${op} ${JSON.stringify(values)}`, size, [node(op, ['x'], ['v'], attributes(values))]);

const conv = (
  op: string,
  size: number,
  weights: readonly number[],
  values: Parameters<typeof attributes>[0],
): OperatorCase =>
  toValue(
    `${op} ${JSON.stringify(weights)} ${JSON.stringify(values)}`,
    size,
    [node(op, ['x', 'w', 'b'], ['v'], attributes(values))],
    {
      initializers: [
        floats('w', weights),
        floats('b', [op === 'Conv' ? (weights[0] ?? 0) : (weights[1] ?? 0) * Number(values['group'] ?? 1)]),
      ],
    },
  );

const WINDOWS = [
  conv('Conv', 3 * 2 * 4, [3, 2, 3, 3], {}),
  conv('Conv', 3 * 4 * 6, [3, 2, 3, 2], { auto_pad: 'SAME_UPPER' }),
  conv('Conv', 2 * 2 * 3, [2, 2, 2, 3], { auto_pad: 'SAME_LOWER', strides: [2, 2] }),
  conv('Conv', 4 * 4 * 6, [4, 1, 3, 3], { group: 2, pads: [2, 2, 2, 2], dilations: [2, 2] }),
  conv('Conv', 1 * 4 * 3, [1, 2, 2, 2], { pads: [1, 0, 0, 1], strides: [1, 2] }),
  conv('ConvTranspose', 3 * 8 * 12, [2, 3, 3, 3], {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    output_padding: [1, 1],
  }),
  conv('ConvTranspose', 2 * 5 * 7, [2, 1, 2, 2], { group: 2 }),
  window('MaxPool', 2 * 2 * 3, { kernel_shape: [2, 2], strides: [2, 2] }),
  window('MaxPool', 2 * 2 * 3, { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  window('MaxPool', 2 * 4 * 6, { kernel_shape: [3, 3], auto_pad: 'SAME_UPPER' }),
  window('AveragePool', 2 * 3 * 4, {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    ceil_mode: 1,
  }),
  window('AveragePool', 2 * 4 * 6, { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
  window('AveragePool', 2 * 4 * 6, { kernel_shape: [1, 1] }),
  window('GlobalAveragePool', 2, {}),
  window('GlobalMaxPool', 2, {}),
];

const channel = ['g', 'h', 'm'].map((name) => floats(name, [2]));
const variance = floats('s', [2], [0.5, 1.5]);

const NORMALIZATIONS = [
  toValue(
    'BatchNormalization',
    48,
    [node('BatchNormalization', ['x', 'g', 'h', 'm', 's'], ['v'], attributes({ epsilon: 0.01 }))],
    {
      initializers: [...channel, variance],
    },
  ),
  toValue(
    'BatchNormalization of features',
    2,
    [
      node('GlobalAveragePool', ['x'], ['p']),
      node('Flatten', ['p'], ['f']),
      node('BatchNormalization', ['f', 'g', 'h', 'm', 's'], ['v']),
    ],
    { initializers: [...channel, variance] },
  ),
  toValue('InstanceNormalization', 48, [node('InstanceNormalization', ['x', 'g', 'h'], ['v'])], {
    initializers: channel.slice(0, 2),
  }),
  toValue(
    'GroupNormalization',
    48,
    [node('GroupNormalization', ['x', 'g1', 'h1'], ['v'], attributes({ num_groups: 1 }))],
    { opset: 18, initializers: [floats('g1', [1], [1.3]), floats('h1', [1], [0.2])] },
  ),
  toValue(
    'LayerNormalization',
    48,
    [node('LayerNormalization', ['x', 'g6', 'h6'], ['v'], attributes({ axis: -1, epsilon: 0.001 }))],
    { initializers: [floats('g6', [6]), floats('h6', [6])] },
  ),
  toValue(
    'LayerNormalization without a shift',
    48,
    [node('LayerNormalization', ['x', 'g2'], ['v'], attributes({ axis: 2 }))],
    { initializers: [floats('g2', [4, 6])] },
  ),
  ...(['ReduceMean', 'ReduceL2'] as const).map((op) =>
    toValue(op, 2, [node(op, ['x'], ['v'], attributes({ axes: [2, 3], keepdims: 0 }))]),
  ),
  toValue('ReduceMean over axes from an input', 8, [node('ReduceMean', ['x', 'axes'], ['v'])], {
    opset: 18,
    initializers: [longs('axes', [-1])],
  }),
  toValue('ReduceSum', 12, [node('ReduceSum', ['x'], ['v'], attributes({ axes: [2] }))], { opset: 11 }),
  toValue(
    'ReduceSum over axes from an input',
    12,
    [node('ReduceSum', ['x', 'axes'], ['v'], attributes({ keepdims: 0 }))],
    {
      initializers: [longs('axes', [2])],
    },
  ),
];

const LAYOUTS = [
  toValue('Reshape', 48, [node('Reshape', ['x', 'to'], ['v'])], { initializers: [longs('to', [0, 4, -1])] }),
  toValue('Reshape with an open batch', 48, [node('Reshape', ['x', 'to'], ['v'])], {
    initializers: [longs('to', [-1, 48])],
  }),
  toValue('Transpose', 48, [node('Transpose', ['x'], ['v'], attributes({ perm: [0, 3, 1, 2] }))]),
  toValue('Transpose there and back', 48, [
    node('Transpose', ['x'], ['t'], attributes({ perm: [0, 2, 3, 1] })),
    node('Transpose', ['t'], ['v'], attributes({ perm: [0, 3, 1, 2] })),
  ]),
  toValue(
    'Unsqueeze and Squeeze',
    48,
    [
      node('Unsqueeze', ['x'], ['u'], attributes({ axes: [1, -1] })),
      node('Squeeze', ['u'], ['v'], attributes({ axes: [1] })),
    ],
    { opset: 11 },
  ),
  toValue(
    'Unsqueeze and Squeeze',
    48,
    [node('Unsqueeze', ['x', 'a'], ['u']), node('Squeeze', ['u', 'b'], ['v'])],
    {
      opset: 13,
      initializers: [longs('a', [1, -1]), longs('b', [1])],
    },
  ),
  toValue('Concat', 96, [node('Concat', ['x', 'x'], ['v'], attributes({ axis: 1 }))]),
  toValue('Slice to the end', 24, [node('Slice', ['x', 'from', 'to', 'axes', 'steps'], ['v'])], {
    initializers: [
      longs('from', [0, 1]),
      {
        name: 'to',
        dims: [2],
        data_type: 7,
        raw_data: new Uint8Array(BigInt64Array.of(2n ** 63n - 1n, 6n).buffer),
      },
      longs('axes', [1, 3]),
      longs('steps', [1, 2]),
    ],
  }),
  toValue('Gather of one position', 24, [node('Gather', ['x', 'i'], ['v'], attributes({ axis: 1 }))], {
    initializers: [longs('i', [-1], [])],
  }),
  toValue(
    'Gather of positions in any order',
    24,
    [node('Gather', ['x', 'i'], ['v'], attributes({ axis: 3 }))],
    {
      initializers: [longs('i', [5, 0, 0])],
    },
  ),
  toValue(
    'Split',
    24,
    [
      node('Split', ['x'], ['a', 'b'], attributes({ axis: 3, split: [2, 4] })),
      node('Concat', ['a', 'a', 'a', 'a', 'b', 'b'], ['c'], attributes({ axis: 3 })),
      node('Slice', ['c', 'from', 'to', 'axes'], ['v']),
    ],
    {
      opset: 11,
      initializers: [longs('from', [6]), longs('to', [9]), longs('axes', [3])],
    },
  ),
  toValue('Split into equal parts', 24, [node('Split', ['x'], ['a', 'v'], attributes({ axis: 1 }))], {
    opset: 13,
  }),
  toValue('Pad', 2 * 5 * 9, [node('Pad', ['x', 'p', 'c'], ['v'])], {
    initializers: [longs('p', [0, 0, 1, 2, 0, 0, 0, 1]), floats('c', [], [0.5])],
  }),
  toValue('Pad of named axes', 2 * 4 * 9, [node('Pad', ['x', 'p', '', 'a'], ['v'])], {
    opset: 18,
    initializers: [longs('p', [1, 2]), longs('a', [3])],
  }),
  toValue('Tile', 96, [node('Tile', ['x', 'r'], ['v'])], { initializers: [longs('r', [1, 2, 1, 1])] }),
  toValue(
    'Expand',
    48 * 3,
    [node('Unsqueeze', ['x'], ['u'], attributes({ axes: [1] })), node('Expand', ['u', 'to'], ['v'])],
    {
      opset: 11,
      initializers: [longs('to', [1, 3, 1, 1, 1])],
    },
  ),
  toValue(
    'a token for every example',
    54,
    [
      node('Shape', ['x'], ['shape']),
      node('Gather', ['shape', 'zero'], ['n']),
      node('Unsqueeze', ['n'], ['n1'], attributes({ axes: [0] })),
      node('Concat', ['n1', 'rest'], ['to'], attributes({ axis: 0 })),
      node('Expand', ['token', 'to'], ['tokens']),
      node('Reshape', ['x', 'rows'], ['r']),
      node('Concat', ['tokens', 'r'], ['v'], attributes({ axis: 1 })),
    ],
    {
      opset: 11,
      initializers: [
        longs('zero', [0], []),
        longs('rest', [1, 6]),
        floats('token', [1, 1, 6]),
        longs('rows', [0, 8, 6]),
      ],
    },
  ),
  toValue(
    'shapes computed step by step',
    48,
    [
      node('Shape', ['x'], ['shape']),
      node('Slice', ['shape', 'two', 'four'], ['hw']),
      node('Gather', ['hw', 'zero'], ['h']),
      node('Gather', ['hw', 'one'], ['w']),
      node('Mul', ['h', 'w'], ['positions']),
      node('Cast', ['positions'], ['f'], attributes({ to: 1 })),
      node('Div', ['f', 'half'], ['g']),
      node('Floor', ['g'], ['g2']),
      node('Cast', ['g2'], ['i'], attributes({ to: 7 })),
      node('Unsqueeze', ['i', 'axis'], ['i1']),
      node('ConstantOfShape', ['axis1'], ['open'], {
        attribute: [{ name: 'value', type: 4, t: { dims: [1], data_type: 7, int64_data: [-1] } }],
      }),
      node('Concat', ['open', 'i1'], ['to'], attributes({ axis: 0 })),
      node('Reshape', ['x', 'to'], ['v']),
    ],
    {
      initializers: [
        ...[
          longs('two', [2]),
          longs('four', [4]),
          longs('zero', [0], []),
          longs('one', [1], []),
          longs('axis', [0]),
        ],
        longs('axis1', [1]),
        floats('half', [], [0.5]),
      ],
    },
  ),
];

const PRODUCTS = [
  toValue('MatMul with weights', 2 * 4 * 5, [node('MatMul', ['x', 'w'], ['v'])], {
    initializers: [floats('w', [6, 5])],
  }),
  toValue('MatMul of two values', 2 * 4 * 4, [
    node('Transpose', ['x'], ['t'], attributes({ perm: [0, 1, 3, 2] })),
    node('MatMul', ['x', 't'], ['v']),
  ]),
  toValue(
    'MatMul with transposed weights',
    2 * 4 * 5,
    [node('Transpose', ['w'], ['wt'], attributes({ perm: [1, 0] })), node('MatMul', ['x', 'wt'], ['v'])],
    { initializers: [floats('w', [5, 6])] },
  ),
];

describe('as ONNX Runtime computes it', () => {
  const cases = [...ELEMENTWISE, ...WINDOWS, ...NORMALIZATIONS, ...LAYOUTS, ...PRODUCTS];
  it.each(cases.map((test) => [test.name, test] as const))('%s', async (_, test) => {
    await expectSameLogits(engine, foreignFile(test));
  });
});
