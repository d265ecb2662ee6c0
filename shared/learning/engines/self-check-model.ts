/**
 * The small model of the engines' self-check, with its weights and one batch. It has what training uses most: dense,
 * depthwise and pointwise convolutions, GroupNorm, pooling, dropout, a dense layer; 16 channels, so that blocked CPU
 * kernels of either block size take part. Everything follows from fixed seeds.
 */
import { createRng, deriveSeed } from '../../rng.ts';
import { float, int, ints } from '../graph/attributes.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Initializer, Model, Parameter, ParameterKind } from '../graph/types.ts';
import { initialWeights, manifestOf, sizeOf } from '../weights.ts';
import type { Batch, CompileOptions } from './engine.ts';

const CHANNELS = 16;
const CLASSES = 3;
const SIZE = 10;
/** No pre-activation of this batch is near a kink of ReLU or a tie of the pool, so that rounding cannot flip one. */
const SEED = 1;

export const selfCheckOptions: CompileOptions = { batchSize: 4, loss: 'softmax', labelSmoothing: 0.1 };

function parameter(
  name: string,
  kind: ParameterKind,
  dims: readonly number[],
  initializer: Initializer,
): Parameter {
  return { name, kind, dims, trainable: true, initializer };
}

const kernel = (name: string, dims: readonly number[]): Parameter =>
  parameter(name, 'kernel', dims, { kind: 'he', fanIn: sizeOf(dims.slice(1)) });

const zeros = (name: string, kind: ParameterKind): Parameter =>
  parameter(name, kind, [CHANNELS], { kind: 'zeros' });

const parameters: readonly Parameter[] = [
  kernel('first.weight', [CHANNELS, 1, 3, 3]),
  zeros('first.bias', 'bias'),
  kernel('depthwise.weight', [CHANNELS, 1, 3, 3]),
  parameter('norm.scale', 'normScale', [CHANNELS], { kind: 'ones' }),
  zeros('norm.shift', 'normShift'),
  kernel('pointwise.weight', [CHANNELS, CHANNELS, 1, 1]),
  zeros('pointwise.bias', 'bias'),
  kernel('second.weight', [CHANNELS, CHANNELS, 3, 3]),
  kernel('dense.weight', [CLASSES, CHANNELS]),
  parameter('dense.bias', 'bias', [CLASSES], { kind: 'zeros' }),
];

export function selfCheckModel(): Model {
  const build = new GraphBuilder('self-check');
  const images = build.input('images', ['N', 1, SIZE, SIZE]);
  for (const { name, dims } of parameters) build.input(name, dims);
  const pads = ints([1, 1, 1, 1]);
  const first = build.op('Relu', [build.op('Conv', [images, 'first.weight', 'first.bias'], { pads })]);
  const pooled = build.op('MaxPool', [first], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
  const depthwise = build.op('Conv', [pooled, 'depthwise.weight'], { pads, group: int(CHANNELS) });
  const norm = build.op('GroupNormalization', [depthwise, 'norm.scale', 'norm.shift'], {
    num_groups: int(4),
    epsilon: float(1e-5),
  });
  const active = build.op('Relu', [norm]);
  const pointwise = build.op('Relu', [build.op('Conv', [active, 'pointwise.weight', 'pointwise.bias'])]);
  const joined = build.op('Add', [pooled, pointwise]);
  const second = build.op('Conv', [joined, 'second.weight'], { pads, strides: ints([2, 2]) });
  const mean = build.op('Flatten', [build.op('GlobalAveragePool', [build.op('Relu', [second])])]);
  const [dropped = ''] = build.add('Dropout', [mean], { ratio: float(0.5) }, { domain: 'consilium' });
  build.op('Gemm', [dropped, 'dense.weight', 'dense.bias'], { transB: int(1) }, { outputs: ['logits'] });
  return { graph: build.build(['logits']), parameters, imageDims: [1, SIZE, SIZE], classCount: CLASSES };
}

/** Weights away from their starting values, so that no gradient is zero by symmetry. */
export function selfCheckWeights(): Float32Array {
  const weights = initialWeights({ parameters }, SEED);
  const rng = createRng(deriveSeed('self-check-weights', SEED));
  for (const { kind, offset, length } of manifestOf({ parameters }).entries) {
    if (kind === 'kernel') continue;
    for (let i = offset; i < offset + length; i++) weights[i] = (weights[i] ?? 0) + 0.2 * rng.normal();
  }
  return weights;
}

/** Four examples, one of them padding of weight 0. */
export function selfCheckBatch(): Batch {
  const rng = createRng(deriveSeed('self-check-batch', SEED));
  const { batchSize } = selfCheckOptions;
  const draw = (length: number, value: () => number): Float32Array => Float32Array.from({ length }, value);
  const targets = new Float32Array(batchSize * CLASSES);
  for (let i = 0; i < batchSize; i++) targets[i * CLASSES + (i % CLASSES)] = 1;
  return {
    images: draw(batchSize * SIZE * SIZE, () => rng.uniform()),
    targets,
    sampleWeights: Float32Array.from([0.5, 0.3, 0.2, 0]),
    dropoutMasks: draw(batchSize * CHANNELS, () => (rng.uniform() < 0.5 ? 0 : 2)),
  };
}
