/** The naive reference itself, on numbers that can be checked with pencil and paper. */
import { describe, expect, it } from 'vitest';
import { float, int, ints, text } from '../../shared/learning/graph/attributes.ts';
import { GraphBuilder } from '../../shared/learning/graph/builder.ts';
import { add, clip, div, expand, hardSwish, mul, neg, relu, sigmoid, sub } from './elementwise.ts';
import { finiteDifferences } from './finite-differences.ts';
import { runReference } from './interpreter.ts';
import { concat, flatten, reduceMean, reduceSum, reshape, softmax, transpose } from './layout.ts';
import { sigmoidCrossEntropy, softmaxCrossEntropy } from './losses.ts';
import { gemm, matmul } from './matrix.ts';
import { batchNormalization, batchStatistics, groupNormalization } from './normalization.ts';
import { at, tensor, type Tensor64 } from './tensor64.ts';
import { averagePool, conv, globalAveragePool, maxPool, type Window } from './window.ts';

const row = (...values: number[]): Tensor64 => tensor([values.length], values);
const list = (x: Tensor64): number[] => Array.from(x.data);
const window = (kernel: [number, number], rest: Partial<Window> = {}): Window => ({
  kernel,
  strides: [1, 1],
  dilations: [1, 1],
  pads: [0, 0, 0, 0],
  ...rest,
});
/** 1 … 9 in a 3×3 image. */
const nine = tensor([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);

describe('element-wise', () => {
  it('broadcasts a row and a column', () => {
    const [column, line] = [tensor([2, 1], [10, 20]), row(1, 2, 4)];
    expect(add(column, line)).toEqual(tensor([2, 3], [11, 12, 14, 21, 22, 24]));
    expect(list(sub(column, line))).toEqual([9, 8, 6, 19, 18, 16]);
    expect(list(mul(column, line))).toEqual([10, 20, 40, 20, 40, 80]);
    expect(list(div(column, line))).toEqual([10, 5, 2.5, 20, 10, 5]);
    expect(expand(column, [2, 2])).toEqual(tensor([2, 2], [10, 10, 20, 20]));
  });

  it('bends', () => {
    expect(list(relu(row(-1, 0, 2)))).toEqual([0, 0, 2]);
    expect(list(neg(row(-1, 2)))).toEqual([1, -2]);
    expect(list(clip(row(-1, 0.5, 9), 0, 6))).toEqual([0, 0.5, 6]);
    expect(list(clip(row(-1, 9), undefined, 6))).toEqual([-1, 6]);
    expect(list(sigmoid(row(0, Math.log(3))))).toEqual([0.5, expect.closeTo(0.75, 12)]);
    expect(list(hardSwish(row(-4, -3, 0, 3, 4, 1)))).toEqual([-0, -0, 0, 3, 4, expect.closeTo(2 / 3, 12)]);
  });
});

describe('matrices', () => {
  const a = tensor([2, 2], [1, 2, 3, 4]);
  const b = tensor([2, 2], [5, 6, 7, 8]);

  it('multiplies', () => {
    const plain = { alpha: 1, beta: 1, transA: false, transB: false };
    expect(list(gemm(a, b, undefined, plain))).toEqual([19, 22, 43, 50]);
    expect(list(gemm(a, b, undefined, { ...plain, transA: true }))).toEqual([26, 30, 38, 44]);
    expect(list(gemm(a, b, undefined, { ...plain, transB: true }))).toEqual([17, 23, 39, 53]);
    expect(list(gemm(a, b, row(1, 2), { ...plain, alpha: 2, beta: 10 }))).toEqual([48, 64, 96, 120]);
  });

  it('multiplies stacks', () => {
    const stack = tensor([2, 1, 2], [1, 2, 3, 4]);
    expect(matmul(stack, b)).toEqual(tensor([2, 1, 2], [19, 22, 43, 50]));
  });
});

describe('windows', () => {
  const ones = tensor([1, 1, 2, 2], [1, 1, 1, 1]);

  it('convolves without flipping the kernel', () => {
    const kernel = tensor([1, 1, 2, 2], [1, 0, 0, 2]);
    expect(conv(nine, kernel, undefined, 1, window([2, 2]))).toEqual(tensor([1, 1, 2, 2], [11, 14, 20, 23]));
    expect(list(conv(nine, kernel, row(100), 1, window([2, 2])))).toEqual([111, 114, 120, 123]);
  });

  it('strides, pads on each side and dilates', () => {
    expect(list(conv(nine, ones, undefined, 1, window([2, 2], { strides: [2, 1] })))).toEqual([12, 16]);
    expect(list(conv(nine, ones, undefined, 1, window([2, 2], { pads: [1, 0, 0, 0] })))).toEqual([
      3, 5, 12, 16, 24, 28,
    ]);
    expect(list(conv(nine, ones, undefined, 1, window([2, 2], { dilations: [2, 2] })))).toEqual([
      1 + 3 + 7 + 9,
    ]);
  });

  it('keeps groups apart', () => {
    const x = tensor([1, 2, 1, 1], [3, 5]);
    const weights = tensor([4, 1, 1, 1], [1, 10, 100, 1000]);
    expect(list(conv(x, weights, undefined, 2, window([1, 1])))).toEqual([3, 30, 500, 5000]);
    const dense = tensor([1, 2, 1, 1], [2, 7]);
    expect(list(conv(x, dense, undefined, 1, window([1, 1])))).toEqual([41]);
  });

  it('pools', () => {
    expect(list(maxPool(nine, window([2, 2])))).toEqual([5, 6, 8, 9]);
    expect(list(maxPool(nine, window([2, 2], { strides: [2, 2], pads: [1, 1, 0, 0] })))).toEqual([
      1, 3, 7, 9,
    ]);
    expect(list(averagePool(nine, window([2, 2]), false))).toEqual([3, 4, 6, 7]);
    const padded = window([2, 2], { strides: [2, 2], pads: [1, 1, 0, 0] });
    expect(list(averagePool(nine, padded, false))).toEqual([1, 2.5, 5.5, 7]);
    expect(list(averagePool(nine, padded, true))).toEqual([0.25, 1.25, 2.75, 7]);
    expect(globalAveragePool(nine)).toEqual(tensor([1, 1, 1, 1], [5]));
  });
});

describe('normalisation', () => {
  const parameters = { scale: row(2, 1), shift: row(10, 0) };
  /** Two examples of two channels of one pixel: channel 0 has 1, 3 and channel 1 has 0, 4. */
  const x = tensor([2, 2, 1, 1], [1, 0, 3, 4]);

  it('takes the mean and the biased variance of each channel', () => {
    expect(batchStatistics(x)).toEqual({ mean: row(2, 2), variance: row(1, 4) });
    expect(list(batchNormalization(x, parameters, batchStatistics(x), 0))).toEqual([8, -1, 12, 1]);
    const statistics = { mean: row(1, 0), variance: row(3, 15) };
    expect(list(batchNormalization(x, parameters, statistics, 1))).toEqual([10, 0, 12, 1]);
  });

  it('normalises each example and group', () => {
    expect(list(groupNormalization(x, parameters, 1, 0))).toEqual([12, -1, 8, 1]);
    const pairs = tensor([1, 2, 1, 2], [1, 3, 0, 4]);
    expect(list(groupNormalization(pairs, parameters, 2, 0))).toEqual([8, 12, -1, 1]);
  });
});

describe('layout', () => {
  const x = tensor([2, 3], [1, 2, 3, 4, 5, 6]);

  it('moves elements', () => {
    expect(transpose(x, [1, 0])).toEqual(tensor([3, 2], [1, 4, 2, 5, 3, 6]));
    const cube = tensor([1, 2, 3], [1, 2, 3, 4, 5, 6]);
    expect(transpose(cube, [2, 0, 1])).toEqual(tensor([3, 1, 2], [1, 4, 2, 5, 3, 6]));
    expect(reshape(cube, [0, -1]).dims).toEqual([1, 6]);
    expect(flatten(cube, 2).dims).toEqual([2, 3]);
    expect(flatten(cube, -1).dims).toEqual([2, 3]);
    expect(concat([x, tensor([2, 1], [7, 8])], 1)).toEqual(tensor([2, 4], [1, 2, 3, 7, 4, 5, 6, 8]));
    expect(list(concat([x, x], 0))).toEqual([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]);
  });

  it('reduces', () => {
    expect(reduceSum(x, [0], false)).toEqual(row(5, 7, 9));
    expect(reduceSum(x, [-1], true)).toEqual(tensor([2, 1], [6, 15]));
    expect(reduceSum(x, [], false)).toEqual(tensor([], [21]));
    expect(reduceMean(x, [1], false)).toEqual(row(2, 5));
    expect(list(softmax(tensor([2, 2], [0, Math.log(3), 1000, 1000])))).toEqual(
      [0.25, 0.75, 0.5, 0.5].map((p) => expect.closeTo(p, 12) as number),
    );
  });
});

describe('losses', () => {
  const inputs = {
    logits: tensor([2, 2], [0, Math.log(3), 0, 0]),
    targets: tensor([2, 2], [0, 1, 1, 0]),
    sampleWeights: row(1, 0.5),
    labelSmoothing: 0,
  };

  it('softmax: −log ¾ − ½·log ½', () => {
    expect(softmaxCrossEntropy(inputs)).toBeCloseTo(-Math.log(0.75) - 0.5 * Math.log(0.5), 12);
    const smooth = -(0.9 * Math.log(0.75) + 0.1 * Math.log(0.25)) - 0.5 * Math.log(0.5);
    expect(softmaxCrossEntropy({ ...inputs, labelSmoothing: 0.2 })).toBeCloseTo(smooth, 12);
  });

  it('sigmoid: each logit on its own', () => {
    expect(sigmoidCrossEntropy(inputs)).toBeCloseTo(-Math.log(0.5) - Math.log(0.75) - Math.log(0.5), 12);
    const smooth = -Math.log(0.5) - (0.9 * Math.log(0.75) + 0.1 * Math.log(0.25)) - Math.log(0.5);
    expect(sigmoidCrossEntropy({ ...inputs, labelSmoothing: 0.2 })).toBeCloseTo(smooth, 12);
  });
});

describe('finite differences', () => {
  it('of x²·y', () => {
    const gradient = finiteDifferences((p) => at(p, 0) ** 2 * at(p, 1), Float64Array.of(3, 5));
    expect(Array.from(gradient)).toEqual([expect.closeTo(30, 8), expect.closeTo(9, 8)]);
  });
});

describe('the interpreter', () => {
  it('runs a graph with attributes, constants, omitted inputs, a mask and running statistics', () => {
    const build = new GraphBuilder('all');
    const x = build.input('x', ['N', 1, 3, 3]);
    const kernel = build.floats([1, 1, 1, 1], [1, 1, 2, 2]);
    const same = build.op('Conv', [x, kernel], { auto_pad: text('SAME_UPPER'), strides: ints([2, 2]) });
    const dropped = build.op('Dropout', [same], { ratio: float(0.5) }, { domain: 'consilium' });
    const [one, two, zero] = [build.floats([1], [1]), build.floats([2], [1]), build.floats([0], [1])];
    const normal = build.op('BatchNormalization', [dropped, two, one, zero, one], { epsilon: float(0) });
    const bounded = build.op('Clip', [normal, '', build.scalar(40)]);
    const flat = build.op('Flatten', [bounded]);
    const mean = build.op('ReduceMean', [flat, build.ints([1])], { keepdims: int(0) });
    const graph = build.build([flat, mean]);
    const inputs = new Map([['x', nine]]);
    // SAME_UPPER pads below and on the right: 1+2+4+5, 3+6, 7+8, 9.
    expect(runReference(graph, inputs).map(list)).toEqual([[25, 19, 31, 19], [23.5]]);
    const mask = tensor([1, 1, 2, 2], [0, 2, 2, 0]);
    expect(runReference(graph, inputs, { dropoutMasks: [mask] }).map(list)).toEqual([
      [1, 37, 40, 1],
      [19.75],
    ]);
    const [trained] = runReference(graph, inputs, { batchStatistics: true });
    // Mean 11.25 and variance 6.1875 of 12, 9, 15, 9.
    expect(list(trained ?? nine)).toEqual(
      [12, 9, 15, 9].map((v) => expect.closeTo(1 + (2 * (v - 11.25)) / Math.sqrt(6.1875), 12) as number),
    );
  });
});
