/** Where a derivative does not exist, one is chosen; these are the choices. */
import { describe, expect, it } from 'vitest';
import { float, ints } from '../../../../shared/learning/graph/attributes.ts';
import { GraphBuilder } from '../../../../shared/learning/graph/builder.ts';
import type { Attributes, Model } from '../../../../shared/learning/graph/types.ts';
import { GPU_TARGET, STANDARD_TARGET } from '../../../../shared/learning/lower/target.ts';
import { sizeOf } from '../../../../shared/learning/weights.ts';
import { ONE_EXAMPLE, type Runner } from './gradient-case.ts';
import { lowered } from './runners.ts';

/** The gradient that an operator passes to its input x when the loss's derivative by every output is known. */
interface Upstream {
  readonly op: string;
  readonly attributes?: Attributes;
  readonly dims: readonly number[];
  readonly x: readonly number[];
  /** One a value of the output. */
  readonly upstream: readonly number[];
}

/** logits = [Σ upstream·op(x), 0]; with the target on the second, d loss/d logit 0 is the softmax of it. */
async function passed(run: Runner, { op, attributes = {}, dims, x, upstream }: Upstream): Promise<number[]> {
  const build = new GraphBuilder('tie');
  build.input('images', ['N', 1, 1, 1]);
  build.input('x', dims);
  const value = build.op(op, ['x'], attributes);
  const length = sizeOf(build.typeOf(value).dims);
  const row = build.op('Reshape', [value, build.ints([1, length])]);
  const matrix = build.floats(
    upstream.flatMap((u) => [u, 0]),
    [length, 2],
  );
  build.op('Gemm', [row, matrix], {}, { outputs: ['logits'] });
  const model: Model = {
    graph: build.build(['logits']),
    parameters: [{ name: 'x', dims, kind: 'kernel', trainable: true, initializer: { kind: 'zeros' } }],
    imageDims: [1, 1, 1],
    classCount: 2,
  };
  const batch = { ...ONE_EXAMPLE, targets: Float32Array.of(0, 1) };
  const { loss, gradients } = await run(
    model,
    { batchSize: 1, loss: 'softmax' },
    Float32Array.from(x),
    batch,
  );
  const slope = 1 - Math.exp(-loss);
  return Array.from(gradients, (g) => Math.round((g / slope) * 1e4) / 1e4 + 0);
}

describe.each([
  ['standard', lowered(STANDARD_TARGET)],
  ['GPU', lowered(GPU_TARGET)],
])('%s operators', (_, run) => {
  const constant = (length: number): number[] => Array<number>(length).fill(0.5);

  it('max-pooling of a constant background: the first position of each 2×2 window', async () => {
    const attributes = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) };
    const pool = { op: 'MaxPool', attributes, dims: [1, 1, 4, 4], upstream: [0.1, 0.2, 0.3, 0.4] };
    const expected = [0.1, 0, 0.2, 0, 0, 0, 0, 0, 0.3, 0, 0.4, 0, 0, 0, 0, 0];
    expect(await passed(run, { ...pool, x: constant(16) })).toEqual(expected);
    expect(await passed(run, { ...pool, x: Array<number>(16).fill(0) })).toEqual(expected);
    expect(await passed(run, { ...pool, x: Array<number>(16).fill(-2) })).toEqual(expected);
  });

  it('max-pooling of partial ties: row-major order, not column-major', async () => {
    const attributes = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) };
    const pool = { op: 'MaxPool', attributes, dims: [1, 1, 2, 4], upstream: [0.1, 0.2] };
    // Left window: the ties are right above and below left; right window: the lower row.
    expect(await passed(run, { ...pool, x: [0, 1, 0, 0, 1, 0, 2, 2] })).toEqual([0, 0.1, 0, 0, 0, 0, 0.2, 0]);
  });

  it('max-pooling with overlap: a position may win several windows', async () => {
    const attributes = { kernel_shape: ints([2, 2]) };
    const pool = { op: 'MaxPool', attributes, dims: [1, 1, 3, 3], upstream: [0.1, 0.2, 0.3, 0.4] };
    expect(await passed(run, { ...pool, x: constant(9) })).toEqual([0.1, 0.2, 0, 0.3, 0.4, 0, 0, 0, 0]);
    expect(await passed(run, { ...pool, x: [0, 0, 0, 0, 9, 0, 0, 0, 0] })).toEqual([
      0, 0, 0, 0, 1, 0, 0, 0, 0,
    ]);
  });

  it('max-pooling with padding: never into the padding', async () => {
    const attributes = { kernel_shape: ints([3, 3]), strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) };
    const pool = { op: 'MaxPool', attributes, dims: [1, 1, 3, 3], upstream: [0.1, 0.2, 0.3, 0.4] };
    const first = [0.1, 0.2, 0, 0.3, 0.4, 0, 0, 0, 0];
    expect(await passed(run, { ...pool, x: constant(9) })).toEqual(first);
    expect(await passed(run, { ...pool, x: Array<number>(9).fill(-5) })).toEqual(first);
  });

  it('an odd size leaves the last row and column without gradient', async () => {
    const attributes = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) };
    const pool = { op: 'MaxPool', attributes, dims: [1, 1, 3, 3], upstream: [0.5] };
    expect(await passed(run, { ...pool, x: constant(9) })).toEqual([0.5, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('ReLU at zero passes nothing', async () => {
    const relu = { op: 'Relu', dims: [3], upstream: [0.1, 0.2, 0.3] };
    expect(await passed(run, { ...relu, x: [-1, 0, 1] })).toEqual([0, 0, 0.3]);
    expect(await passed(run, { ...relu, x: [-1e-30, -0, 1e-30] })).toEqual([0, 0, 0.3]);
  });

  it('HardSwish at its corners', async () => {
    const swish = { op: 'HardSwish', dims: [4], upstream: [0.1, 0.2, 0.4, 0.8] };
    expect(await passed(run, { ...swish, x: [-3, 3, -4, 4] })).toEqual([0, 0.2, 0, 0.8]);
  });

  it('Softmax of equal and of huge logits', async () => {
    const softmax = { op: 'Softmax', dims: [1, 2], upstream: [0.4, 0] };
    expect(await passed(run, { ...softmax, x: [7, 7] })).toEqual([0.1, -0.1]);
    expect(await passed(run, { ...softmax, x: [1000, -1000] })).toEqual([0, 0]);
  });

  it('a constant image has no variance: group normalisation stays finite', async () => {
    const build = new GraphBuilder('flat');
    build.input('images', ['N', 1, 1, 1]);
    build.input('x', [1, 2, 2, 2]);
    const [ones, zeros] = [build.floats([1, 1], [2]), build.floats([0, 0], [2])];
    const normal = build.op('GroupNormalization', ['x', ones, zeros], {
      num_groups: { kind: 'int', value: 1 },
      epsilon: float(1e-5),
    });
    const row = build.op('Reshape', [normal, build.ints([1, 8])]);
    const matrix = build.floats([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [8, 2]);
    build.op('Gemm', [row, matrix], {}, { outputs: ['logits'] });
    const model: Model = {
      graph: build.build(['logits']),
      parameters: [
        { name: 'x', dims: [1, 2, 2, 2], kind: 'kernel', trainable: true, initializer: { kind: 'zeros' } },
      ],
      imageDims: [1, 1, 1],
      classCount: 2,
    };
    const batch = { ...ONE_EXAMPLE, targets: Float32Array.of(0, 1) };
    const step = await run(model, { batchSize: 1, loss: 'softmax' }, new Float32Array(8), batch);
    // ½·(1 − 1/8)/√ε for the first value and −½·(1/8)/√ε for the others.
    const unit = 0.5 / Math.sqrt(1e-5);
    const expected = [7 / 8, ...Array<number>(7).fill(-1 / 8)].map((share) => share * unit);
    step.gradients.forEach((g, i) => {
      expect(g).toBeCloseTo(expected[i] ?? NaN, 2);
    });
  });
});
