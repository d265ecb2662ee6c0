/** What slides a window over an image: convolutions, transposed ones, pools. */
import { int, ints } from '../../../../shared/learning/graph/attributes.ts';
import type { Attributes } from '../../../../shared/learning/graph/types.ts';
import { operator, type Dims } from './case-builders.ts';
import { distinct, normal, type GradientCase } from './gradient-case.ts';

export interface WindowSpec {
  /** N, C, H, W */
  readonly x: Dims;
  readonly kernel: Dims;
  readonly strides?: Dims;
  readonly pads?: Dims;
  readonly dilations?: Dims;
}

const windowAttributes = ({ strides, pads, dilations }: WindowSpec): Attributes => ({
  ...(strides ? { strides: ints(strides) } : {}),
  ...(pads ? { pads: ints(pads) } : {}),
  ...(dilations ? { dilations: ints(dilations) } : {}),
});

export interface ConvSpec extends WindowSpec {
  readonly filters: number;
  readonly group?: number;
  readonly bias?: boolean;
}

export function convCase(spec: ConvSpec): GradientCase {
  const { x, kernel, filters, group = 1, bias = true } = spec;
  const weights = [filters, (x[1] ?? 0) / group, ...kernel];
  return operator('Conv', [x, weights, ...(bias ? [[filters]] : [])], {
    ...windowAttributes(spec),
    ...(group === 1 ? {} : { group: int(group) }),
  });
}

export const convolutions = [
  convCase({ x: [2, 1, 5, 5], kernel: [3, 3], filters: 2 }),
  convCase({ x: [1, 3, 4, 6], kernel: [1, 1], filters: 2, bias: false }),
  convCase({ x: [2, 2, 5, 4], kernel: [3, 3], filters: 3, pads: [1, 1, 1, 1] }),
  convCase({ x: [1, 2, 7, 5], kernel: [3, 3], filters: 2, pads: [1, 1, 1, 1], strides: [2, 2] }),
  convCase({ x: [1, 2, 6, 6], kernel: [3, 3], filters: 2, pads: [1, 1, 1, 1], strides: [2, 2] }),
  convCase({ x: [1, 1, 8, 7], kernel: [3, 2], filters: 2, strides: [3, 2] }),
  convCase({ x: [1, 2, 5, 6], kernel: [2, 3], filters: 2, pads: [0, 1, 1, 2] }),
  convCase({ x: [1, 1, 5, 5], kernel: [2, 2], filters: 1, pads: [1, 0, 0, 1], strides: [1, 2] }),
  convCase({ x: [1, 1, 7, 7], kernel: [3, 3], filters: 2, dilations: [2, 1], pads: [2, 1, 2, 1] }),
  convCase({ x: [1, 1, 9, 8], kernel: [3, 2], filters: 1, dilations: [2, 3], strides: [2, 2] }),
  convCase({ x: [1, 1, 4, 4], kernel: [1, 1], filters: 2, strides: [2, 2] }),
  convCase({ x: [1, 1, 5, 4], kernel: [2, 2], filters: 1, pads: [2, 2, 2, 2] }),
  convCase({ x: [1, 4, 5, 5], kernel: [3, 3], filters: 6, group: 2, pads: [1, 1, 1, 1] }),
  convCase({ x: [2, 3, 5, 4], kernel: [3, 3], filters: 3, group: 3, pads: [1, 1, 1, 1] }),
  convCase({ x: [1, 3, 7, 6], kernel: [3, 3], filters: 3, group: 3, pads: [1, 1, 1, 1], strides: [2, 2] }),
  convCase({ x: [1, 2, 5, 5], kernel: [3, 3], filters: 4, group: 2, strides: [2, 1], pads: [1, 0, 0, 1] }),
  convCase({
    x: [1, 1, 28, 3],
    kernel: [5, 3],
    filters: 1,
    strides: [4, 1],
    pads: [2, 1, 2, 1],
    bias: false,
  }),
];

export function poolCase(op: string, spec: WindowSpec, rest: Attributes = {}): GradientCase {
  const attributes = { kernel_shape: ints(spec.kernel), ...windowAttributes(spec), ...rest };
  return operator(op, [spec.x], attributes, [op === 'MaxPool' ? distinct : normal]);
}

const POOLS: readonly WindowSpec[] = [
  { x: [2, 2, 4, 6], kernel: [2, 2], strides: [2, 2] },
  { x: [1, 2, 5, 7], kernel: [2, 2], strides: [2, 2] },
  { x: [1, 1, 5, 5], kernel: [2, 2] },
  { x: [1, 2, 7, 6], kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  { x: [1, 1, 6, 5], kernel: [3, 2], strides: [1, 2], pads: [1, 0, 0, 1] },
  { x: [1, 1, 7, 7], kernel: [3, 3], strides: [3, 3] },
  { x: [1, 1, 8, 3], kernel: [2, 3], strides: [3, 1] },
  { x: [1, 2, 3, 3], kernel: [3, 3] },
];

export const pools = POOLS.flatMap((spec) => [
  poolCase('MaxPool', spec),
  poolCase('AveragePool', spec),
  ...(spec.pads ? [poolCase('AveragePool', spec, { count_include_pad: int(1) })] : []),
]).concat(
  poolCase('MaxPool', { x: [1, 1, 7, 6], kernel: [2, 2], dilations: [2, 3] }),
  operator('GlobalAveragePool', [[2, 3, 5, 3]]),
  operator('GlobalAveragePool', [[1, 2, 1, 1]]),
);

export interface ConvTransposeSpec extends ConvSpec {
  readonly outputPadding?: Dims;
}

export function convTransposeCase(spec: ConvTransposeSpec): GradientCase {
  const { x, kernel, filters, group = 1, bias = true, outputPadding } = spec;
  const weights = [x[1] ?? 0, filters / group, ...kernel];
  return operator('ConvTranspose', [x, weights, ...(bias ? [[filters]] : [])], {
    ...windowAttributes(spec),
    ...(group === 1 ? {} : { group: int(group) }),
    ...(outputPadding ? { output_padding: ints(outputPadding) } : {}),
  });
}

export const transposedConvolutions = [
  convTransposeCase({ x: [2, 1, 3, 4], kernel: [3, 3], filters: 2 }),
  convTransposeCase({ x: [1, 2, 3, 3], kernel: [2, 2], filters: 3, strides: [2, 2], bias: false }),
  convTransposeCase({
    ...{ x: [1, 2, 3, 4], kernel: [3, 3], filters: 2, strides: [2, 2], pads: [1, 1, 1, 1] },
    outputPadding: [1, 1],
  }),
  convTransposeCase({
    x: [1, 4, 3, 3],
    kernel: [3, 2],
    filters: 2,
    group: 2,
    strides: [2, 1],
    pads: [1, 0, 0, 1],
  }),
  convTransposeCase({ x: [1, 1, 3, 4], kernel: [3, 2], filters: 1, dilations: [2, 3], strides: [1, 2] }),
  convTransposeCase({
    ...{ x: [1, 1, 3, 3], kernel: [1, 1], filters: 1, strides: [2, 2] },
    outputPadding: [1, 1],
  }),
];

/** A value that several nodes use, and one that is used twice by the same node. */
