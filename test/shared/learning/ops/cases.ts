/** Every operator over a table of shapes: odd sizes, strides, uneven padding, groups, broadcasting. */
import { float, int, ints, text } from '../../../../shared/learning/graph/attributes.ts';
import type { Attributes } from '../../../../shared/learning/graph/types.ts';
import { operator, show, withInts, type Dims } from './case-builders.ts';
import { awayFrom, distinct, farFromZero, normal, positive, type GradientCase } from './gradient-case.ts';
import { convolutions, pools, transposedConvolutions } from './window-cases.ts';

const BROADCASTS: readonly (readonly [Dims, Dims])[] = [
  [
    [2, 3],
    [2, 3],
  ],
  [
    [2, 3, 4, 5],
    [3, 1, 1],
  ],
  [
    [2, 3, 2, 3],
    [2, 1, 2, 1],
  ],
  [[4], [2, 1]],
  [
    [1, 3, 1],
    [2, 1, 4],
  ],
  [[], [3]],
  [
    [1, 2, 2],
    [5, 1, 1, 1],
  ],
  [
    [2, 3, 3, 5],
    [2, 3, 1, 1],
  ],
];

const binaries = ['Add', 'Sub', 'Mul', 'Div'].flatMap((op) =>
  BROADCASTS.map((dims) => operator(op, dims, {}, [normal, op === 'Div' ? farFromZero : normal])),
);

const clip = (dims: Dims, low: number | undefined, high: number | undefined): GradientCase => ({
  name: `Clip ${show(dims)} ${show([low, high])}`,
  inputs: [{ dims, fill: awayFrom(low ?? 0, high ?? 0) }],
  build: (build, [x = '']) =>
    build.op('Clip', [
      x,
      low === undefined ? '' : build.scalar(low),
      ...(high === undefined ? [] : [build.scalar(high)]),
    ]),
});

const unaries = [[7], [2, 3], [2, 3, 5, 3]].flatMap((dims) => [
  operator('Relu', [dims], {}, [awayFrom(0)]),
  operator('Sigmoid', [dims], {}, [awayFrom()]),
  operator('HardSwish', [dims], {}, [awayFrom(-3, 3)]),
  operator('Neg', [dims]),
  operator('Identity', [dims]),
  clip(dims, 0, 1.5),
  clip(dims, -0.5, undefined),
  clip(dims, undefined, 0.5),
]);

const gemm = (a: Dims, b: Dims, c: Dims | undefined, attributes: Attributes): GradientCase =>
  operator('Gemm', c ? [a, b, c] : [a, b], attributes);

const matrices = [
  gemm([3, 4], [4, 5], undefined, {}),
  gemm([3, 4], [4, 5], [5], { alpha: float(0.5), beta: float(-2) }),
  gemm([4, 3], [4, 5], [3, 1], { transA: int(1) }),
  gemm([3, 4], [5, 4], [1], { transB: int(1), beta: float(3) }),
  gemm([4, 3], [5, 4], [3, 5], { transA: int(1), transB: int(1), alpha: float(1.5) }),
  gemm([1, 1], [1, 1], [1, 1], {}),
  gemm([2, 3], [3, 2], [], {}),
  operator('MatMul', [
    [3, 4],
    [4, 2],
  ]),
  operator('MatMul', [
    [2, 3, 4],
    [2, 4, 2],
  ]),
  operator('MatMul', [
    [2, 1, 3, 4],
    [3, 4, 2],
  ]),
];

function batchNormalization(dims: Dims, frozen: boolean): GradientCase {
  const channel = [dims[1] ?? 0];
  return {
    name: `BatchNormalization ${show(dims)} ${frozen ? 'frozen' : 'training'}`,
    inputs: [
      { dims },
      { dims: channel, fill: farFromZero },
      { dims: channel },
      { dims: channel, kind: 'runningMean' },
      { dims: channel, kind: 'runningVariance', fill: positive },
    ],
    build: (build, inputs) => build.op('BatchNormalization', inputs, { epsilon: float(1e-3) }),
    options: { frozenNormalization: frozen },
  };
}

const normalizations = [
  ...[false, true].flatMap((frozen) => [
    batchNormalization([3, 2, 3, 5], frozen),
    batchNormalization([4, 3, 1, 1], frozen),
    batchNormalization([1, 1, 4, 3], frozen),
  ]),
  ...(
    [
      [[2, 4, 3, 5], 2],
      [[2, 3, 3, 3], 3],
      [[3, 4, 2, 2], 1],
      [[1, 6, 1, 2], 2],
    ] as const
  ).map(([dims, groups]) =>
    operator(
      'GroupNormalization',
      [dims, [dims[1]], [dims[1]]],
      { num_groups: int(groups), epsilon: float(1e-3) },
      [normal, farFromZero],
    ),
  ),
];

const layouts = [
  withInts('Reshape', [2, 3, 4], [0, -1]),
  withInts('Reshape', [2, 3, 4], [4, 3, 2]),
  withInts('Reshape', [2, 3, 2, 2], [3, 1, 2, 4]),
  ...[0, 1, 2, 3, 4, -1].map((axis) => operator('Flatten', [[2, 3, 2, 5]], { axis: int(axis) })),
  operator('Transpose', [[2, 3]]),
  operator('Transpose', [[2, 3, 4]], { perm: ints([1, 2, 0]) }),
  operator('Transpose', [[2, 3, 4, 5]], { perm: ints([0, 2, 3, 1]) }),
  operator('Transpose', [[2, 3, 4, 5]], { perm: ints([3, 1, 0, 2]) }),
  operator(
    'Concat',
    [
      [2, 3],
      [2, 1],
      [2, 2],
    ],
    { axis: int(1) },
  ),
  operator(
    'Concat',
    [
      [2, 3, 2, 2],
      [2, 2, 2, 2],
    ],
    { axis: int(1) },
  ),
  operator(
    'Concat',
    [
      [1, 2, 3, 2],
      [1, 2, 1, 2],
    ],
    { axis: int(-2) },
  ),
  operator('Concat', [[3], [2]], { axis: int(0) }),
];

const stacks = [
  operator('MatMul', [
    [2, 3, 4],
    [4, 2],
  ]),
  operator('MatMul', [
    [2, 2, 3, 4],
    [4, 5],
  ]),
];

const reductions = ['ReduceSum', 'ReduceMean'].flatMap((op) => [
  operator(op, [[2, 3]]),
  operator(op, [[2, 3, 4]], { keepdims: int(0) }),
  withInts(op, [2, 3, 4], [1]),
  withInts(op, [2, 3, 4], [-1, 0], { keepdims: int(0) }),
  withInts(op, [2, 3, 4, 5], [2, 3]),
  withInts(op, [2, 3, 4, 5], [2, 3], { keepdims: int(0) }),
  withInts(op, [2, 3, 4, 5], [0, 1]),
]);

const softmaxes = [operator('Softmax', [[2, 5]]), operator('Softmax', [[2, 3, 4]], { axis: int(-1) })];

const activations = [[7], [2, 3], [2, 3, 5, 3]].flatMap((dims) => [
  operator('Tanh', [dims]),
  operator('Exp', [dims]),
  operator('Erf', [dims]),
  operator('Sqrt', [dims], {}, [positive]),
  operator('Reciprocal', [dims], {}, [farFromZero]),
  operator('Gelu', [dims]),
  operator('Gelu', [dims], { approximate: text('tanh') }),
  operator('LeakyRelu', [dims], { alpha: float(0.2) }, [awayFrom(0)]),
  operator('HardSigmoid', [dims], {}, [awayFrom(-2.5, 2.5)]),
  operator('HardSigmoid', [dims], { alpha: float(1 / 6), beta: float(0.4) }, [awayFrom(-2.4, 3.6)]),
]);

const power = (dims: Dims, exponent: number): GradientCase => ({
  name: `Pow ${show(dims)} ${String(exponent)}`,
  inputs: [{ dims, fill: exponent === 3 ? farFromZero : positive }],
  build: (build, [x = '']) => build.op('Pow', [x, build.scalar(exponent)]),
});

const parametric = [
  operator('PRelu', [[2, 3], [3]], {}, [awayFrom(0)]),
  operator(
    'PRelu',
    [
      [2, 3, 2, 2],
      [3, 1, 1],
    ],
    {},
    [awayFrom(0)],
  ),
  operator('PRelu', [[2, 3, 2, 2], [1]], {}, [awayFrom(0)]),
  power([2, 3], 3),
  power([5], 1.5),
  power([1, 2, 2, 3], -0.5),
];

const slices = (
  [
    [[6], [1], [5], [0]],
    [[2, 7], [0], [7], [1], [3]],
    [[2, 8], [1], [100], [-1], [2]],
    [
      [2, 3, 5, 6],
      [1, -5],
      [3, -1],
      [1, 3],
      [1, 2],
    ],
    [
      [2, 3, 5, 6],
      [0, 1, 1],
      [1, 5, 6],
      [0, 2, 3],
      [1, 2, 3],
    ],
  ] as const
).map(([dims, ...lists]): GradientCase => ({
  ...operator('Slice', [dims]),
  name: `Slice ${show(dims)} ${show(lists)}`,
  build: (build, inputs) => build.op('Slice', [...inputs, ...lists.map((list) => build.ints(list))]),
}));

const expansions = [
  withInts('Expand', [3], [2, 3]),
  withInts('Expand', [2, 1, 3], [2, 4, 3]),
  withInts('Expand', [2, 3, 1, 1], [2, 3, 2, 5]),
  withInts('Expand', [1, 2], [3, 1, 1, 2]),
];

const paddings = [
  withInts('Pad', [3], [1, 2]),
  withInts('Pad', [2, 3], [0, 1, 0, 0]),
  withInts('Pad', [1, 2, 3, 4], [0, 0, 1, 0, 0, 1, 2, 1]),
];

const layerNormalizations = (
  [
    [[3, 5], -1],
    [[2, 3, 4], 2],
    [[2, 3, 4], 1],
    [[2, 3, 2, 4], -1],
    [[4], 0],
  ] as const
).flatMap(([dims, axis]) => {
  const parameter = dims.slice(axis);
  const attributes = { axis: int(axis), epsilon: float(1e-3) };
  return [
    operator('LayerNormalization', [dims, parameter, parameter], attributes, [normal, farFromZero]),
    operator('LayerNormalization', [dims, parameter], attributes, [normal, farFromZero]),
  ];
});

const shared: readonly GradientCase[] = [
  {
    name: 'x·x + sigmoid(x)',
    inputs: [{ dims: [2, 3] }],
    build: (build, [x = '']) => build.op('Add', [build.op('Mul', [x, x]), build.op('Sigmoid', [x])]),
  },
  {
    name: 'relu, then pool (the mask is applied after pooling)',
    inputs: [{ dims: [2, 2, 4, 4], fill: distinct }],
    build: (build, [x = '']) =>
      build.op('MaxPool', [build.op('Relu', [x])], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }),
  },
  {
    name: 'conv, relu, residual',
    inputs: [{ dims: [1, 2, 5, 5] }, { dims: [2, 2, 3, 3] }],
    build: (build, [x = '', w = '']) =>
      build.op('Add', [x, build.op('Sigmoid', [build.op('Conv', [x, w], { pads: ints([1, 1, 1, 1]) })])]),
  },
];

export const CASES: readonly GradientCase[] = [
  ...[
    binaries,
    unaries,
    matrices,
    convolutions,
    pools,
    normalizations,
    layouts,
    reductions,
    stacks,
    softmaxes,
    activations,
    parametric,
    slices,
    expansions,
    paddings,
    layerNormalizations,
    transposedConvolutions,
    shared,
  ],
].flat();
