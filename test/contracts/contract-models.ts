/** The models of the engine contract: small enough for plain JavaScript, 16 channels where blocked kernels are to take part. */
import { cnn } from '../../shared/learning/architectures/cnn.ts';
import { mobile } from '../../shared/learning/architectures/mobile.ts';
import { resnet } from '../../shared/learning/architectures/resnet.ts';
import {
  cnnOptionsSchema,
  mobileOptionsSchema,
  resnetOptionsSchema,
} from '../../shared/learning/architectures/schema.ts';
import { float, int, ints } from '../../shared/learning/graph/attributes.ts';
import { GraphBuilder } from '../../shared/learning/graph/builder.ts';
import type { Attributes, Model, Parameter } from '../../shared/learning/graph/types.ts';
import { sizeOf } from '../../shared/learning/weights.ts';

const DIMS = [2, 8, 8] as const;
const CLASSES = 3;

export const plainCnn = (): Model =>
  cnn(DIMS, CLASSES, cnnOptionsSchema.parse({ filters: [16, 16], dense: 8 }));

export const dropoutCnn = (): Model =>
  cnn(DIMS, CLASSES, cnnOptionsSchema.parse({ filters: [16], dense: 8, dropout: 0.5, head: 'mean' }));

export const batchNormCnn = (): Model =>
  cnn(DIMS, CLASSES, cnnOptionsSchema.parse({ filters: [16, 16], dense: 0, normalization: 'batch' }));

export const groupNormResnet = (): Model =>
  resnet(DIMS, CLASSES, resnetOptionsSchema.parse({ widths: [16, 32] }));

export const hardSwishMobile = (): Model =>
  mobile(DIMS, CLASSES, mobileOptionsSchema.parse({ widths: [16, 32], activation: 'hardswish' }));

/** A cnn whose first convolution is frozen, as transfer learning does. */
export function partlyFrozenCnn(): Model {
  const model = plainCnn();
  return {
    ...model,
    parameters: model.parameters.map((p) => ({ ...p, trainable: !p.name.startsWith('block0') })),
  };
}

/** A graph builder that makes a parameter where it is first used. */
class Parts {
  readonly build = new GraphBuilder('operators');
  readonly parameters: Parameter[] = [];

  parameter(name: string, dims: readonly number[]): string {
    const initializer = { kind: 'he', fanIn: sizeOf(dims.slice(1)) } as const;
    this.parameters.push({ name, dims, kind: 'kernel', trainable: true, initializer });
    return this.build.input(name, dims);
  }

  op(name: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.build.op(name, inputs, attributes);
  }
}

/** Convolutions of every form: uneven padding and strides, dilation, groups, several filters for each channel. */
export function unusualConvolutions(): Model {
  const parts = new Parts();
  const images = parts.build.input('images', ['N', 2, 9, 7]);
  const uneven = parts.op('Conv', [images, parts.parameter('uneven', [4, 2, 3, 2])], {
    pads: ints([0, 1, 2, 0]),
    strides: ints([2, 1]),
  });
  const dilated = parts.op('Conv', [uneven, parts.parameter('dilated', [6, 4, 2, 3])], {
    dilations: ints([2, 1]),
    strides: ints([1, 2]),
    pads: ints([1, 1, 1, 1]),
  });
  const groups = parts.op('Conv', [dilated, parts.parameter('groups', [4, 3, 3, 3])], {
    group: int(2),
    pads: ints([1, 1, 1, 1]),
  });
  const wide = parts.op('Conv', [groups, parts.parameter('depthwise', [8, 1, 3, 3])], {
    group: int(4),
    pads: ints([1, 1, 1, 1]),
  });
  const activated = parts.op('Sigmoid', [wide]);
  const mean = parts.op('Flatten', [parts.op('GlobalAveragePool', [activated])]);
  parts.build.op('Gemm', [mean, parts.parameter('head', [8, CLASSES])], {}, { outputs: ['logits'] });
  const graph = parts.build.build(['logits']);
  return { graph, parameters: parts.parameters, imageDims: [2, 9, 7], classCount: CLASSES };
}

/** The operators that the built-in architectures do not use, dropout of feature maps included. */
export function otherOperators(): Model {
  const parts = new Parts();
  const { build } = parts;
  const images = build.input('images', ['N', 2, 6, 6]);
  const scale = parts.parameter('scale', [2, 1, 1]);
  const scaled = parts.op('Mul', [images, scale]);
  const pads = ints([1, 1, 0, 0]);
  const window = { kernel_shape: ints([3, 2]), strides: ints([2, 1]), pads };
  const highest = parts.op('MaxPool', [scaled], window);
  const average = parts.op('AveragePool', [scaled], window);
  const padded = parts.op('AveragePool', [scaled], { ...window, count_include_pad: int(1) });
  const joined = parts.op('Concat', [highest, average, padded], { axis: int(1) });
  const [dropped = ''] = build.own('Dropout', [joined], { ratio: float(0.25) });
  const clipped = parts.op('Clip', [dropped, build.scalar(-0.4), build.scalar(0.4)]);
  const shifted = parts.op('Div', [
    parts.op('Sub', [clipped, parts.parameter('shift', [1, 6, 1, 1])]),
    build.scalar(1.5),
  ]);
  const turned = parts.op('Transpose', [shifted], { perm: ints([0, 2, 3, 1]) });
  const mixed = parts.op('MatMul', [turned, parts.parameter('mix', [6, 4])]);
  const total = parts.op('ReduceSum', [mixed, build.ints([1])], { keepdims: int(0) });
  const middle = parts.op('ReduceMean', [mixed, build.ints([2])], { keepdims: int(1) });
  const width = build.typeOf(middle).dims[1] ?? 0;
  const rows = parts.op('Reshape', [middle, build.ints([-1, width, 4])]);
  const both = parts.op('Concat', [total, parts.op('Neg', [rows])], { axis: int(1) });
  const share = parts.op('Softmax', [both], { axis: int(-1) });
  const flat = parts.op('Flatten', [parts.op('Add', [share, parts.op('Identity', [both])])]);
  const features = build.typeOf(flat).dims[1] ?? 0;
  const head = parts.parameter('head', [CLASSES, features]);
  const gemm = { transB: int(1), alpha: float(0.5), beta: float(2) };
  build.op('Gemm', [flat, head, parts.parameter('bias', [1, CLASSES])], gemm, { outputs: ['logits'] });
  const graph = build.build(['logits']);
  return { graph, parameters: parts.parameters, imageDims: [2, 6, 6], classCount: CLASSES };
}
