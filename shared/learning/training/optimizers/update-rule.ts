/**
 * What an optimiser is to the code that runs it: a rule of float32 operations on [weight, gradient, moments], written
 * once for one value after the other and once for four at a time. Both do the same operations in the same order and
 * round after each, so their results are the same bits.
 */
import type { Code } from './wasm-assembler.ts';

/** The working vectors, all of one length. */
export interface WorkingVectors<Moment extends string = string> {
  readonly weights: Float32Array;
  readonly gradients: Float32Array;
  readonly moments: Readonly<Record<Moment, Float32Array>>;
}

/** Part of the vectors: values `start`…`end`−1. */
export interface ValueSpan {
  readonly start: number;
  readonly end: number;
}

/** Four values held in a local variable of the kernel. */
export interface Variable {
  readonly get: Code;
  set(value: Code): Code;
}

export interface SimdVariables<Coefficient extends string, Moment extends string> {
  readonly weight: Variable;
  readonly gradient: Variable;
  readonly moments: Readonly<Record<Moment, Variable>>;
  readonly coefficients: Readonly<Record<Coefficient, Code>>;
}

export interface UpdateRule<Coefficient extends string = string, Moment extends string = string> {
  readonly momentNames: readonly Moment[];
  readonly coefficientNames: readonly Coefficient[];
  /** Coefficients of step `step` (from 1), for values with or without weight decay. Rounded to float32 before use. */
  coefficients(step: number, learningRate: number, decayed: boolean): Readonly<Record<Coefficient, number>>;
  reference(
    vectors: WorkingVectors<Moment>,
    span: ValueSpan,
    coefficients: Readonly<Record<Coefficient, number>>,
  ): void;
  /** Code that sets the weight and the moments; loading and storing them is the kernel's business. */
  simd(variables: SimdVariables<Coefficient, Moment>): Code;
}
