/** The blocked form of ONNX Runtime's CPU kernels, where this machine has it: channels in whole blocks and beside them. */
import { describe, expect, it } from 'vitest';
import { float, int, ints } from '../../../../shared/learning/graph/attributes.ts';
import { probeBlockSize } from '../../../../shared/learning/engines/onnx-native.ts';
import { lower } from '../../../../shared/learning/lower/lower.ts';
import { STANDARD_TARGET } from '../../../../shared/learning/lower/target.ts';
import { trainingGraph } from '../../../../shared/learning/training-graph.ts';
import { convCase, poolCase, type ConvSpec, type WindowSpec } from './window-cases.ts';
import { checkAlongDirections, farFromZero, modelOf, type Fill, type GradientCase } from './gradient-case.ts';
import { lowered } from './runners.ts';

const blockSize = await probeBlockSize();
const target = blockSize === undefined ? STANDARD_TARGET : { ...STANDARD_TARGET, blockSize };
const run = lowered(target);

/** Convolution with bias, ReLU and a second convolution, so that values stay blocked between nodes. */
function chain(spec: ConvSpec, then: (spec: ConvSpec) => ConvSpec): GradientCase {
  const [first, second] = [convCase(spec), convCase(then(spec))];
  return {
    name: `${first.name}, relu, ${second.name}`,
    inputs: [...first.inputs, ...second.inputs.slice(1)],
    build: (build, inputs) => {
      const count = first.inputs.length;
      const hidden = build.op('Relu', [first.build(build, inputs.slice(0, count))]);
      return second.build(build, [hidden, ...inputs.slice(count)]);
    },
  };
}

const same = { kernel: [3, 3], pads: [1, 1, 1, 1] };
const CONVS: readonly ConvSpec[] = [
  { x: [2, 16, 5, 5], filters: 16, ...same },
  { x: [2, 32, 4, 3], filters: 16, ...same, bias: false },
  { x: [2, 1, 6, 5], filters: 16, ...same },
  { x: [1, 3, 6, 6], filters: 32, ...same },
  { x: [1, 16, 7, 6], filters: 16, ...same, strides: [2, 2] },
  { x: [1, 16, 6, 6], filters: 32, ...same, strides: [2, 2] },
  { x: [1, 16, 8, 8], filters: 16, kernel: [1, 1], strides: [2, 2] },
  { x: [1, 16, 7, 7], filters: 16, kernel: [3, 3], strides: [3, 2], pads: [1, 0, 0, 1] },
  { x: [1, 16, 5, 6], filters: 16, kernel: [2, 3], pads: [0, 1, 1, 2] },
  { x: [1, 16, 7, 7], filters: 16, kernel: [3, 3], dilations: [2, 1], pads: [2, 1, 2, 1] },
  { x: [2, 16, 3, 3], filters: 16, kernel: [1, 1] },
  { x: [2, 16, 5, 5], filters: 16, group: 16, ...same },
  { x: [1, 32, 6, 7], filters: 32, group: 32, ...same, strides: [2, 2] },
  { x: [1, 32, 4, 4], filters: 32, group: 2, ...same },
  { x: [1, 8, 4, 4], filters: 24, ...same },
  { x: [1, 24, 4, 4], filters: 8, ...same },
  { x: [1, 12, 4, 4], filters: 20, ...same },
];

const POOLS: readonly WindowSpec[] = [
  { x: [2, 16, 4, 6], kernel: [2, 2], strides: [2, 2] },
  { x: [1, 32, 5, 5], kernel: [2, 2], strides: [2, 2] },
  { x: [1, 16, 7, 6], kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  { x: [1, 24, 4, 4], kernel: [2, 2], strides: [2, 2] },
];

interface Layer {
  readonly name: string;
  readonly channels: number;
  readonly groups: number;
}

const LAYERS: readonly Layer[] = [
  { name: '16 channels', channels: 16, groups: 8 },
  { name: '32 channels', channels: 32, groups: 4 },
  { name: '32 channels, one group', channels: 32, groups: 1 },
  { name: '24 channels', channels: 24, groups: 3 },
];

const padded = { pads: ints([1, 1, 1, 1]) };
const epsilon = { epsilon: float(1e-3) };

/** conv → normalisation → relu → global mean: the operator between blocked values. */
function normalized(
  { name, channels, groups }: Layer,
  op: 'GroupNormalization' | 'BatchNormalization',
): GradientCase {
  const channel = [channels];
  const statistics = [
    { dims: channel, kind: 'runningMean' as const },
    { dims: channel, kind: 'runningVariance' as const },
  ];
  const attributes = op === 'GroupNormalization' ? { ...epsilon, num_groups: int(groups) } : epsilon;
  return {
    name: `conv, ${op} of ${name}, relu, mean`,
    inputs: [
      { dims: [2, 3, 4, 5] },
      { dims: [channels, 3, 3, 3] },
      { dims: channel, fill: farFromZero },
      { dims: channel },
      ...(op === 'BatchNormalization' ? statistics : []),
    ],
    build: (build, [x = '', weights = '', ...rest]) => {
      const value = build.op(op, [build.op('Conv', [x, weights], padded), ...rest], attributes);
      return build.op('GlobalAveragePool', [build.op('Relu', [value])]);
    },
  };
}

const joined = ({ name, channels }: Layer): GradientCase => ({
  name: `two convs of ${name}, concat, sigmoid`,
  inputs: [{ dims: [2, 3, 4, 3] }, { dims: [channels, 3, 3, 3] }, { dims: [channels] }],
  build: (build, [x = '', weights = '', bias = '']) => {
    const parts = [build.op('Conv', [x, weights], padded), build.op('Conv', [x, weights, bias], padded)];
    return build.op('Sigmoid', [build.op('Concat', parts, { axis: int(1) })]);
  },
});

/** Keeps the values of two convolutions of 144 products each of order 1. */
const small: Fill = (rng, length) => Array.from({ length }, () => rng.normal() / 12);

const CASES: readonly GradientCase[] = [
  ...CONVS.map((spec) => convCase(spec)),
  chain({ x: [2, 3, 6, 6], filters: 16, ...same }, () => ({ x: [2, 16, 6, 6], filters: 32, ...same })),
  chain({ x: [2, 16, 6, 6], filters: 16, ...same }, (spec) => ({ ...spec, strides: [2, 2] })),
  chain({ x: [2, 16, 5, 5], filters: 16, group: 16, ...same }, (spec) => ({
    ...spec,
    group: 1,
    kernel: [1, 1],
    pads: [0, 0, 0, 0],
  })),
  ...POOLS.flatMap((spec) => [poolCase('MaxPool', spec), poolCase('AveragePool', spec)]),
  ...LAYERS.flatMap((layer) => [
    normalized(layer, 'GroupNormalization'),
    normalized(layer, 'BatchNormalization'),
    joined(layer),
  ]),
  {
    name: 'conv, relu, pool, residual',
    inputs: [{ dims: [2, 16, 6, 6] }, { dims: [16, 16, 3, 3], fill: small }],
    build: (build, [x = '', w = '']) => {
      const inner = build.op('Relu', [build.op('Conv', [x, w], padded)]);
      const sum = build.op('Add', [build.op('Conv', [inner, w], padded), x]);
      return build.op('MaxPool', [sum], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
    },
  },
];

describe.skipIf(blockSize === undefined)('blocked kernels (skipped: this machine has none)', () => {
  it.each(CASES.map((test) => [test.name, test] as const))('%s', async (_, test) => {
    await checkAlongDirections(run, test, 1);
  });

  it('are what is tested: the graphs hold blocked operators', () => {
    const graphs = CASES.map((test) => trainingGraph(modelOf(test), { batchSize: 1, loss: 'softmax' }).graph);
    const blocked = graphs.filter((graph) =>
      lower(graph, target).nodes.some(({ domain }) => domain === 'com.microsoft.nchwc'),
    );
    expect(blocked.length).toBeGreaterThan(CASES.length / 2);
  });
});
