/** Values of a foreign graph that are known before anything runs: initialisers, and what is computed from shapes. */
import { GraphError } from '../../errors.ts';
import type { DType, TensorType } from '../graph/types.ts';

export interface FloatConstant {
  readonly dtype: 'float32';
  readonly dims: readonly number[];
  readonly data: Float32Array;
  /** The initialiser whose values these are, in whatever shape; absent where they were computed. */
  readonly origin?: string;
}

/** Integers of any width, and booleans as 0 and 1. */
export interface IntegerConstant {
  readonly dtype: 'int64' | 'bool';
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

export type Constant = FloatConstant | IntegerConstant;

/** What a value of the foreign graph is to us: known, or a value of the graph that is being built. */
export type Value =
  | { readonly kind: 'constant'; readonly constant: Constant }
  | { readonly kind: 'graph'; readonly name: string };

export const known = (constant: Constant): Value => ({ kind: 'constant', constant });
export const computed = (name: string): Value => ({ kind: 'graph', name });

export const integers = (dims: readonly number[], data: readonly number[]): Constant => ({
  dtype: 'int64',
  dims,
  data,
});

export const typeOfConstant = ({ dtype, dims }: Constant): TensorType => ({ dtype, dims });

/** A constant of the given type from numbers. */
export function constantOf(dtype: DType, dims: readonly number[], data: ArrayLike<number>): Constant {
  return dtype === 'float32'
    ? { dtype, dims, data: Float32Array.from(data) }
    : { dtype, dims, data: Array.from(data) };
}

/** The one value of a constant. @throws GraphError when it has several; `what` names it. */
export function singleValue(constant: Constant, what: string): number {
  const [value] = constant.data;
  if (constant.data.length !== 1 || value === undefined)
    throw new GraphError(`${what} must be a single number.`);
  return value;
}

/** Where the values come from, to be spread into a constant that is made of them. */
export const originOf = (constant: Constant): { readonly origin?: string } =>
  constant.dtype === 'float32' && constant.origin !== undefined ? { origin: constant.origin } : {};
