/** Cases of one node. */
import type { Attributes } from '../../../../shared/learning/graph/types.ts';
import { normal, type CaseInput, type Fill, type GradientCase } from './gradient-case.ts';

export const show = (value: unknown): string => JSON.stringify(value);

export type Dims = readonly number[];

/** A case of one node over inputs of the given shapes. */
export function operator(
  op: string,
  dims: readonly Dims[],
  attributes: Attributes = {},
  fills: readonly Fill[] = [],
): GradientCase {
  return {
    name: `${op} ${dims.map(show).join(' ')} ${show(Object.entries(attributes).map(([k, { value }]) => [k, value]))}`,
    inputs: dims.map((d, i): CaseInput => ({ dims: d, fill: fills[i] ?? normal })),
    build: (build, inputs) => build.op(op, inputs, attributes),
  };
}

/** A case of one node whose last input is a constant list of integers. */
export function withInts(
  op: string,
  dims: Dims,
  list: readonly number[],
  attributes: Attributes = {},
): GradientCase {
  return {
    ...operator(op, [dims], attributes),
    name: `${op} ${show(dims)} ${show(list)} ${show(attributes)}`,
    build: (build, inputs) => build.op(op, [...inputs, build.ints(list)], attributes),
  };
}
