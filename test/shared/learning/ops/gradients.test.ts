/** Every operator's gradient against finite differences in float64. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SUPPORTED_OPERATORS } from '../../../../shared/learning/ops/registry.ts';
import { GPU_TARGET, STANDARD_TARGET } from '../../../../shared/learning/lower/target.ts';
import { CASES } from './cases.ts';
import { convCase, convTransposeCase, poolCase } from './window-cases.ts';
import { checkAgainstDifferences, checkAlongDirections, type Runner } from './gradient-case.ts';
import { lowered } from './runners.ts';

const standard = lowered(STANDARD_TARGET);
const gpu = lowered(GPU_TARGET);

describe('over the table of shapes, in standard operators', () => {
  it.each(CASES.map((test) => [test.name, test] as const))('%s', async (_, test) => {
    await checkAgainstDifferences(standard, test);
  });
});

describe('in the operators that GPUs have', () => {
  const names = ['Relu', 'Clip', 'HardSwish', 'MaxPool', 'relu', 'PRelu', 'LeakyRelu', 'HardSigmoid'];
  const cases = CASES.filter(({ name }) => names.some((op) => name.startsWith(op)));
  it.each(cases.map((test) => [test.name, test] as const))('%s', async (_, test) => {
    await checkAgainstDifferences(gpu, test);
  });
});

describe('over random shapes', () => {
  /** Sizes of one axis: kernel, stride, dilation, padding, and an image in which the window fits. */
  const axis = fc
    .record({
      kernel: fc.integer({ min: 1, max: 4 }),
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 2 }),
    })
    .chain(({ kernel, stride, dilation }) =>
      fc.record({
        ...{ kernel: fc.constant(kernel), stride: fc.constant(stride), dilation: fc.constant(dilation) },
        before: fc.nat(kernel - 1),
        after: fc.nat(kernel - 1),
        size: fc.integer({ min: (kernel - 1) * dilation + 1, max: (kernel - 1) * dilation + 6 }),
      }),
    );
  const shape = fc.record({
    n: fc.integer({ min: 1, max: 2 }),
    seed: fc.nat(1e6),
    rows: axis,
    columns: axis,
  });
  type Axis = typeof axis extends fc.Arbitrary<infer T> ? T : never;
  const windowOf = (rows: Axis, columns: Axis) => ({
    kernel: [rows.kernel, columns.kernel],
    strides: [rows.stride, columns.stride],
    dilations: [rows.dilation, columns.dilation],
    pads: [rows.before, columns.before, rows.after, columns.after],
  });

  it('Conv', async () => {
    const channels = fc.record({
      group: fc.integer({ min: 1, max: 3 }),
      input: fc.integer({ min: 1, max: 2 }),
      output: fc.integer({ min: 1, max: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(shape, channels, async ({ n, seed, rows, columns }, { group, input, output }) => {
        const x = [n, group * input, rows.size, columns.size];
        const spec = { x, ...windowOf(rows, columns), group, filters: group * output };
        await checkAlongDirections(standard, convCase(spec), seed);
      }),
      { numRuns: 40 },
    );
  });

  it('ConvTranspose', async () => {
    const channels = fc.record({
      group: fc.integer({ min: 1, max: 2 }),
      input: fc.integer({ min: 1, max: 2 }),
      output: fc.integer({ min: 1, max: 2 }),
      height: fc.integer({ min: 3, max: 4 }),
      width: fc.integer({ min: 3, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(shape, channels, async ({ n, seed, rows, columns }, given) => {
        const { group, input, output, height, width } = given;
        // Padding of at most one keeps some of every output.
        const pads = [rows.before, columns.before, rows.after, columns.after].map((size) =>
          Math.min(size, 1),
        );
        const outputPadding = [rows.stride - 1, columns.stride - 1];
        const x = [n, group * input, height, width];
        const spec = { x, ...windowOf(rows, columns), pads, group, filters: group * output, outputPadding };
        await checkAlongDirections(standard, convTransposeCase(spec), seed);
      }),
      { numRuns: 30 },
    );
  });

  it.each(['MaxPool', 'AveragePool'])('%s', async (op) => {
    await fc.assert(
      fc.asyncProperty(shape, async ({ n, seed, rows, columns }) => {
        const window = windowOf({ ...rows, dilation: 1 }, { ...columns, dilation: 1 });
        await checkAlongDirections(
          standard,
          poolCase(op, { x: [n, 2, rows.size, columns.size], ...window }),
          seed,
        );
      }),
      { numRuns: 25 },
    );
  });
});

it('every differentiable operator of the registry has a case', () => {
  /** Used in derived graphs only. */
  const derivedOnly = ['Max', 'Min'];
  /** Tested with its mask beside the losses. */
  const elsewhere = ['Dropout'];
  const tested = new Set(CASES.map(({ name }) => name.split(' ')[0]));
  const missing = SUPPORTED_OPERATORS.filter(
    (op) => ![...derivedOnly, ...elsewhere].includes(op) && !tested.has(op),
  );
  expect(missing).toEqual([]);
});

it('the comparison notices a gradient that is off by a thousandth', async () => {
  const off: Runner = async (...step) => {
    const { loss, gradients } = await standard(...step);
    return { loss, gradients: gradients.map((g) => g * 1.001) };
  };
  const test = convCase({ x: [1, 2, 5, 5], kernel: [3, 3], filters: 2 });
  await expect(checkAgainstDifferences(off, test)).rejects.toThrow(/is off by 0.00/);
  await expect(checkAlongDirections(off, test, 1)).rejects.toThrow(/slope along direction/);
});
