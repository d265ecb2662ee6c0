import { describe, expect, it } from 'vitest';
import { float, int, ints, intOf, requiredInts, text } from '../../../../shared/learning/graph/attributes.ts';
import { GraphBuilder, NOMINAL_BATCH, replay } from '../../../../shared/learning/graph/builder.ts';
import type { Attributes } from '../../../../shared/learning/graph/types.ts';

/** Dimensions of the output of one node over inputs of the given dimensions. */
function infer(
  op: string,
  dims: readonly (readonly number[])[],
  attributes: Attributes = {},
  constant?: readonly number[],
) {
  const build = new GraphBuilder('shapes');
  const inputs = dims.map((d, i) => build.input(`x${String(i)}`, d));
  return build.typeOf(build.op(op, constant ? [...inputs, build.ints(constant)] : inputs, attributes)).dims;
}

describe('shape rules', () => {
  const k2 = { kernel_shape: ints([2, 2]) };

  it('of windows: ⌊(size + pads − reach) / stride⌋ + 1', () => {
    expect(
      infer('Conv', [
        [2, 3, 28, 27],
        [8, 3, 3, 3],
      ]),
    ).toEqual([2, 8, 26, 25]);
    expect(
      infer(
        'Conv',
        [
          [1, 4, 7, 7],
          [6, 2, 3, 3],
        ],
        { group: int(2), strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) },
      ),
    ).toEqual([1, 6, 4, 4]);
    expect(
      infer(
        'Conv',
        [
          [1, 1, 7, 8],
          [1, 1, 3, 3],
        ],
        { auto_pad: text('SAME_UPPER'), strides: ints([2, 2]) },
      ),
    ).toEqual([1, 1, 4, 4]);
    expect(
      infer(
        'Conv',
        [
          [1, 1, 9, 9],
          [1, 1, 3, 3],
        ],
        { dilations: ints([2, 4]) },
      ),
    ).toEqual([1, 1, 5, 1]);
    expect(infer('MaxPool', [[1, 2, 5, 6]], { ...k2, strides: ints([2, 2]) })).toEqual([1, 2, 2, 3]);
    expect(infer('AveragePool', [[1, 2, 5, 5]], { ...k2, pads: ints([0, 1, 1, 2]) })).toEqual([1, 2, 5, 7]);
    expect(infer('GlobalAveragePool', [[3, 2, 5, 5]])).toEqual([3, 2, 1, 1]);
  });

  it('of layout and reductions', () => {
    expect(infer('Reshape', [[2, 3, 4]], {}, [0, -1])).toEqual([2, 12]);
    expect(infer('Flatten', [[2, 3, 4]], { axis: int(-1) })).toEqual([6, 4]);
    expect(infer('Transpose', [[2, 3, 4]])).toEqual([4, 3, 2]);
    expect(
      infer(
        'Concat',
        [
          [2, 3],
          [2, 5],
        ],
        { axis: int(-1) },
      ),
    ).toEqual([2, 8]);
    expect(infer('ReduceSum', [[2, 3, 4]], { keepdims: int(0) }, [-1, 0])).toEqual([3]);
    expect(infer('ReduceMean', [[2, 3, 4]], {}, [1])).toEqual([2, 1, 4]);
    expect(
      infer('Add', [
        [2, 1, 4],
        [3, 1],
      ]),
    ).toEqual([2, 3, 4]);
    expect(
      infer('MatMul', [
        [5, 1, 2, 3],
        [4, 3, 6],
      ]),
    ).toEqual([5, 4, 2, 6]);
    expect(
      infer(
        'Gemm',
        [
          [3, 2],
          [4, 3],
        ],
        { transA: int(1), transB: int(1) },
      ),
    ).toEqual([2, 4]);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'channels',
      () =>
        infer('Conv', [
          [1, 3, 5, 5],
          [2, 2, 3, 3],
        ]),
      /do not fit/,
    ],
    [
      'groups',
      () =>
        infer(
          'Conv',
          [
            [1, 4, 5, 5],
            [3, 2, 3, 3],
          ],
          { group: int(2) },
        ),
      /do not fit/,
    ],
    ['a bias', () => infer('Conv', [[1, 1, 5, 5], [2, 1, 3, 3], [3]]), /bias must have 2 values/],
    ['a window larger than the image', () => infer('MaxPool', [[1, 1, 1, 5]], k2), /larger than its input/],
    ['negative pads', () => infer('MaxPool', [[1, 1, 5, 5]], { ...k2, pads: ints([-1, 0, 0, 0]) }), /"pads"/],
    ['a stride of 0', () => infer('MaxPool', [[1, 1, 5, 5]], { ...k2, strides: ints([0, 1]) }), /"strides"/],
    [
      'three strides',
      () => infer('MaxPool', [[1, 1, 5, 5]], { ...k2, strides: ints([1, 1, 1]) }),
      /"strides"/,
    ],
    ['ceil_mode', () => infer('MaxPool', [[1, 1, 5, 5]], { ...k2, ceil_mode: int(1) }), /ceil_mode/],
    ['rank', () => infer('MaxPool', [[1, 5, 5]], k2), /rank 4/],
    ['sizes that do not broadcast', () => infer('Mul', [[2, 3], [2]]), /cannot broadcast/],
    [
      'inner sizes',
      () =>
        infer('Gemm', [
          [2, 3],
          [2, 3],
        ]),
      /cannot multiply/,
    ],
    [
      'an addend',
      () =>
        infer('Gemm', [
          [2, 3],
          [3, 4],
          [2, 5],
        ]),
      /cannot/,
    ],
    [
      'an addend that would enlarge',
      () =>
        infer('Gemm', [
          [1, 3],
          [3, 4],
          [2, 4],
        ]),
      /cannot add/,
    ],
    ['a reshape', () => infer('Reshape', [[2, 3]], {}, [4, -1]), /cannot make/],
    ['no permutation', () => infer('Transpose', [[2, 3]], { perm: ints([0, 0]) }), /no permutation/],
    ['an axis', () => infer('Concat', [[2, 3]], { axis: int(2) }), /Axis 2/],
    [
      'sizes beside the axis',
      () =>
        infer(
          'Concat',
          [
            [2, 3],
            [3, 3],
          ],
          { axis: int(1) },
        ),
      /cannot join/,
    ],
    [
      'channels and groups',
      () => infer('GroupNormalization', [[1, 4, 2, 2], [4], [4]], { num_groups: int(3) }),
      /no multiple of 3/,
    ],
    ['an axis of a reduction', () => infer('ReduceSum', [[2, 3]], {}, [2]), /Axis 2/],
    ['softmax over another axis', () => infer('Softmax', [[2, 3]], { axis: int(0) }), /last axis/],
    [
      'the type of an attribute',
      () => infer('Flatten', [[2, 3]], { axis: float(1) }),
      /"axis" of Flatten node has type float, expected int/,
    ],
    ['the number of inputs', () => infer('Add', [[2]]), /has 1 inputs/],
    ['an unknown operator', () => infer('Foo', [[2]]), /"Foo" is not supported/],
  ])('refuse %s', (_, shape, message) => {
    expect(shape).toThrow(message);
  });
});

describe('the builder', () => {
  it('keeps the batch symbolic and binds it when it is replayed', () => {
    const build = new GraphBuilder('batch');
    build.input('x', ['N', 6]);
    const graph = build.build([build.op('Relu', ['x'])]);
    expect(build.typeOf('x').dims).toEqual([NOMINAL_BATCH, 6]);
    expect(graph.outputs[0]?.dims).toEqual(['N', 6]);
    expect(replay(graph, 5).build([graph.outputs[0]?.name ?? '']).outputs[0]?.dims).toEqual([5, 6]);
  });

  it('shares equal constants and keeps different ones apart', () => {
    const build = new GraphBuilder('constants');
    expect(build.ints([1, 2])).toBe(build.ints([1, 2]));
    expect(build.floats([1, 2], [2])).toBe(build.floats([1, 2], [2]));
    expect(build.floats([1, 2], [2])).not.toBe(build.floats([1, 2], [1, 2]));
    expect(build.floats([0], [1])).not.toBe(build.floats([1], [1]));
    expect(build.scalar(1)).not.toBe(build.floats([1], [1]));
  });

  it('refuses a name twice and an unknown value', () => {
    const build = new GraphBuilder('names');
    build.input('x', [1]);
    expect(() => build.input('x', [1])).toThrow(/"x" is defined twice/);
    expect(() => build.op('Relu', ['x'], {}, { outputs: ['x'] })).toThrow(/"x" is defined twice/);
    expect(() => build.op('Relu', ['y'])).toThrow(/"y" does not exist/);
    expect(() => build.build(['y'])).toThrow(/"y" does not exist/);
  });

  it('reads attributes with their defaults', () => {
    const node = {
      name: 'n',
      domain: '',
      op: 'Flatten',
      inputs: [],
      outputs: [],
      attributes: { a: int(3) },
    } as const;
    expect(intOf(node, 'a', 1)).toBe(3);
    expect(intOf(node, 'b', 1)).toBe(1);
    expect(() => requiredInts(node, 'b')).toThrow(/"b" of Flatten node "n" is missing/);
  });
});
