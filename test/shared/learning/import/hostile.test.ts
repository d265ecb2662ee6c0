/** Files that nobody should run: refused by name, in bounded time and memory, whatever their bytes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../shared/errors.ts';
import { DEFAULT_ONNX_LIMITS } from '../../../../shared/learning/graph/onnx-limits.ts';
import { importModel } from '../../../../shared/learning/import/import-model.ts';
import { node, type Fields } from '../../../reference/onnx-proto.ts';
import {
  attributes,
  dense,
  floats,
  foreignFile,
  longs,
  refusalOf,
  type ForeignFile,
} from './foreign-file.ts';

const end = dense('v', 48);
/** What is said of a file whose value `v` is made by these nodes. */
const refusal = (
  nodes: readonly Fields[],
  initializers: readonly Fields[] = [],
  rest: Partial<ForeignFile> = {},
): string =>
  refusalOf(
    foreignFile({
      nodes: [...nodes, ...end.nodes],
      initializers: [...initializers, ...end.initializers],
      ...rest,
    }),
  );

describe('what is not supported is named', () => {
  const cases: readonly (readonly [string, () => string, RegExp])[] = [
    [
      'an operator',
      () => refusal([node('LSTM', ['x'], ['v'], { name: 'rnn' })]),
      /^Operator "LSTM" \(node "rnn"\) is not supported; supported: Add, /,
    ],
    ['one without a name', () => refusal([node('Det', ['x'], ['v'])]), /^Operator "Det" \(node "v"\)/],
    [
      'one of another domain',
      () => refusal([node('Relu', ['x'], ['v'], { domain: 'com.microsoft' })]),
      /"com.microsoft.Relu" \(node number 1\)/,
    ],
    [
      'one by the name of an object property',
      () => refusal([node('constructor', ['x'], ['v'])]),
      /Operator "constructor"/,
    ],
    [
      'an attribute',
      () => refusal([node('Relu', ['x'], ['v'], attributes({ foo: 1 }))]),
      /Relu node "v" has the attribute "foo"/,
    ],
    [
      'a second output',
      () =>
        refusal([
          node('MaxPool', ['x'], ['p', 'i'], attributes({ kernel_shape: [1, 1] })),
          node('Add', ['p', 'i'], ['v']),
        ]),
      /uses "i", an output that is not supported/,
    ],
    [
      'padding by reflection',
      () =>
        refusal(
          [node('Pad', ['x', 'p'], ['v'], attributes({ mode: 'reflect' }))],
          [longs('p', [0, 0, 1, 1, 0, 0, 1, 1])],
        ),
      /does not pad with a constant/,
    ],
    [
      'a shape that depends on values',
      () => refusal([node('Cast', ['x'], ['i'], attributes({ to: 7 })), node('Reshape', ['x', 'i'], ['v'])]),
      /makes integers of computed values/,
    ],
    [
      'mixing the examples of a batch',
      () => refusal([node('ReduceMean', ['x'], ['v'], attributes({ axes: [0] }))]),
      /works along the batch/,
    ],
    [
      'a reshape across examples',
      () => refusal([node('Reshape', ['x', 't'], ['v'])], [longs('t', [4, -1])]),
      /mixes the examples of a batch/,
    ],
    [
      'an old operator set',
      () => refusal([node('Relu', ['x'], ['v'])], [], { opset: 10 }),
      /11 to 21 are read/,
    ],
    ['a newer one', () => refusal([node('Relu', ['x'], ['v'])], [], { opset: 22 }), /11 to 21 are read/],
    [
      'strings',
      () => refusal([node('Add', ['x', 's'], ['v'])], [{ name: 's', dims: [1], data_type: 8 }]),
      /element type string/,
    ],
    [
      'weights that are not finite',
      () =>
        refusal(
          [node('Relu', ['x'], ['r']), node('Mul', ['r', 'w'], ['v'])],
          [floats('w', [6], [1, 2, 3, 4, 5, NaN])],
        ),
      /"w" .* not finite/,
    ],
  ];
  it.each(cases)('%s', (_, run, expected) => {
    expect(run()).toMatch(expected);
  });

  it('an output that is no row of classes', () => {
    expect(refusalOf(foreignFile({ nodes: [node('Relu', ['x'], ['y'])] }))).toMatch(
      /shape \[N, classes\]; this one has \[N, 2, 4, 6\]/,
    );
  });

  it('an output that the images do not change', () => {
    expect(
      refusalOf(foreignFile({ nodes: [node('Relu', ['w'], ['y'])], initializers: [floats('w', [1, 3])] })),
    ).toMatch(/shape \[N, classes\]; this one has \[1, 3\]/);
  });

  it('images that do not fit', () => {
    const bytes = foreignFile({ ...dense('x', 48) });
    expect(refusalOf(bytes, { imageDims: [3, 4, 6] })).toMatch(/takes images of 2 channels; images of 3/);
    expect(refusalOf(foreignFile({ ...dense('x', 48), input: ['N', 3, 'h', 'w'] }))).toMatch(
      /leaves the height/,
    );
    expect(refusalOf(foreignFile({ ...dense('x', 48), input: ['N', 48] }))).toMatch(/four dimensions/);
  });
});

describe('what would take for ever', () => {
  const doubling = Array.from({ length: 40 }, (_, i) =>
    node('Concat', [`c${String(i)}`, `c${String(i)}`], [`c${String(i + 1)}`], attributes({ axis: 0 })),
  );
  const chain = (op: string, count: number, input: string, attribute: Fields = {}): Fields[] =>
    Array.from({ length: count }, (_, i) =>
      node(op, [i === 0 ? input : `t${String(i)}`], [`t${String(i + 1)}`], attribute),
    );

  const cases: readonly (readonly [string, () => string, RegExp])[] = [
    ['a cycle', () => refusal([node('Add', ['x', 'b'], ['v']), node('Relu', ['v'], ['b'])]), /cycle/],
    [
      'a constant that doubles',
      () => refusal([...doubling, node('Add', ['x', 'c40'], ['v'])], [longs('c0', [1, 2])]),
      /65536 are allowed/,
    ],
    [
      'a constant of a huge shape',
      () =>
        refusal(
          [node('ConstantOfShape', ['s'], ['c']), node('Add', ['x', 'c'], ['v'])],
          [longs('s', [2 ** 40, 2 ** 40])],
        ),
      /65536 are allowed/,
    ],
    [
      'a huge range',
      () =>
        refusal(
          [node('Range', ['a', 'b', 'c'], ['r']), node('Add', ['x', 'r'], ['v'])],
          [longs('a', [0], []), longs('b', [2 ** 50], []), longs('c', [1], [])],
        ),
      /65536 are allowed/,
    ],
    [
      'an endless range',
      () =>
        refusal(
          [node('Range', ['a', 'b', 'c'], ['r']), node('Add', ['x', 'r'], ['v'])],
          [longs('a', [0], []), longs('b', [5], []), longs('c', [0], [])],
        ),
      /65536 are allowed/,
    ],
    [
      'an expansion to a huge shape',
      () =>
        refusal(
          [node('Unsqueeze', ['x', 'one'], ['u']), node('Expand', ['u', 's'], ['v'])],
          [longs('one', [1]), longs('s', [1, 2 ** 31, 1, 1, 1])],
        ),
      /elements an example/,
    ],
    [
      'a huge padding',
      () => refusal([node('Pad', ['x', 'p'], ['v'])], [longs('p', [0, 0, 2 ** 40, 0, 0, 0, 0, 0])]),
      /elements an example/,
    ],
    [
      'a huge kernel',
      () =>
        refusal([
          node(
            'MaxPool',
            ['x'],
            ['v'],
            attributes({ kernel_shape: [2 ** 40, 1], pads: [2 ** 40, 0, 2 ** 40, 0] }),
          ),
        ]),
      /elements an example/,
    ],
    [
      'weights turned over and over',
      () =>
        refusal(
          [
            ...chain('Transpose', 5000, 'w', attributes({ perm: [1, 0] })),
            node('MatMul', ['x', 't5000'], ['v']),
          ],
          [floats('w', [300, 300])],
        ),
      /compute too many constants/,
    ],
    [
      'a shape of many dimensions',
      () => refusal([node('Reshape', ['x', 's'], ['v'])], [longs('s', Array<number>(60_000).fill(1))]),
      /60000 dimensions/,
    ],
    [
      'more parts than there are',
      () =>
        refusal([node('Split', ['x'], ['v'], attributes({ axis: 1, num_outputs: 2 ** 40 }))], [], {
          opset: 18,
        }),
      /not the number of its outputs/,
    ],
  ];
  it.each(cases)('%s', (_, run, expected) => {
    expect(run()).toMatch(expected);
  });

  it('more nodes than allowed are refused before they are made', () => {
    const limits = { ...DEFAULT_ONNX_LIMITS, nodes: 1000 };
    const bytes = foreignFile({ nodes: [...chain('Relu', 1001, 'x'), ...dense('t1001', 48).nodes] });
    expect(refusalOf(bytes, { limits })).toMatch(/more than 1000 nodes/);
  });

  it('one initialiser in thousands of nodes is not thousands of parameters', () => {
    const nodes = Array.from({ length: 3000 }, (_, i) =>
      node('MatMul', [i === 0 ? 'x' : `m${String(i)}`, 'w'], [`m${String(i + 1)}`]),
    );
    const square = [floats('w', [6, 6])];
    const limits = { ...DEFAULT_ONNX_LIMITS, totalTensorBytes: 36 * 4 * 100 };
    expect(
      refusalOf(
        foreignFile({
          nodes: [...nodes, ...dense('m3000', 48).nodes],
          initializers: [...square, ...dense('v', 48).initializers],
        }),
        { limits },
      ),
    ).toMatch(/too many weights/);
  });
});

describe('damaged files', () => {
  const folder = fileURLToPath(new URL('../../../fixtures/torch', import.meta.url));
  const files = ['tiny-dense', 'tiny-mobile-opset13'].map(
    (name) => new Uint8Array(readFileSync(join(folder, `${name}.onnx`))),
  );
  /** Imports, and lets only a GraphError pass. */
  const importable = (bytes: Uint8Array): boolean => {
    try {
      importModel(bytes);
      return true;
    } catch (error) {
      if (error instanceof GraphError) return false;
      throw error;
    }
  };

  it('give a GraphError or a model, whichever bits are flipped', () => {
    for (const bytes of files) {
      expect(importable(bytes)).toBe(true);
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(7)), { minLength: 1, maxLength: 3 }),
          (flips) => {
            const damaged = bytes.slice();
            for (const [at, bit] of flips) damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
            importable(damaged);
          },
        ),
        { numRuns: 150, seed: 150 },
      );
    }
  });

  it('give a GraphError wherever they are cut', () => {
    const [bytes = new Uint8Array()] = files;
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (length) => {
        importable(bytes.subarray(0, length));
      }),
      { numRuns: 150, seed: 150 },
    );
  });

  it('give a GraphError or a model with random operators, attributes and constants', () => {
    const ops = [
      ...['Reshape', 'Slice', 'Gather', 'Split', 'Pad', 'Expand', 'Tile', 'Concat', 'Transpose', 'Squeeze'],
      ...[
        'Unsqueeze',
        'Conv',
        'ConvTranspose',
        'MaxPool',
        'AveragePool',
        'MatMul',
        'Gemm',
        'Softmax',
        'ReduceMean',
      ],
      ...[
        'ReduceSum',
        'LayerNormalization',
        'GroupNormalization',
        'BatchNormalization',
        'Pow',
        'Clip',
        'Cast',
      ],
      ...['ConstantOfShape', 'Range', 'Where', 'Shape', 'Mod', 'Flatten', 'Dropout', 'Identity', 'Add'],
    ];
    const number = fc.oneof(
      fc.integer({ min: -3, max: 9 }),
      fc.constantFrom(2 ** 40, -(2 ** 40), 7919, 2 ** 31),
    );
    const value = fc.constantFrom('x', 'f', 'i', 'j', 's', 'a', 'b');
    const names = [
      'axis',
      'axes',
      'perm',
      'kernel_shape',
      'pads',
      'strides',
      'dilations',
      'group',
      'num_groups',
      'keepdims',
      'to',
      'split',
      'alpha',
      'ceil_mode',
      'transB',
      'epsilon',
      'ratio',
      'output_padding',
    ];
    const attribute = fc.record({
      name: fc.constantFrom(...names),
      of: fc.oneof(
        number.map((i) => ({ type: 2, i })),
        fc.array(number, { maxLength: 8 }).map((ints) => ({ type: 7, ints })),
        fc.float().map((f) => ({ type: 1, f })),
      ),
    });
    const step = fc.record({
      op: fc.constantFrom(...ops),
      inputs: fc.array(value, { minLength: 1, maxLength: 5 }),
      attributes: fc.uniqueArray(attribute, { maxLength: 3, selector: ({ name }) => name }),
    });
    const constants = fc.record({
      i: fc.array(number, { maxLength: 6 }),
      j: fc.array(number, { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 4 }),
        constants,
        fc.integer({ min: 11, max: 21 }),
        (steps, { i, j }, opset) => {
          const outputs = ['a', 'b', 'c', 'd'];
          const nodes = steps.map(({ op, inputs, attributes: list }, index) => ({
            ...node(op, inputs, [outputs[index] ?? 'e']),
            attribute: list.map(({ name, of }) => ({ name, ...of })),
          }));
          const last = outputs[steps.length - 1] ?? 'e';
          const initializers = [
            floats('f', [2, 1, 1]),
            longs('i', i),
            longs('j', j),
            longs('s', [2], []),
            ...end.initializers,
          ];
          importable(foreignFile({ nodes: [...nodes, ...dense(last, 48).nodes], initializers, opset }));
        },
      ),
      { numRuns: 800, seed: 800 },
    );
  });
});
