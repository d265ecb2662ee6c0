/** Limits, and bytes that are no file of anybody. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../shared/errors.ts';
import { readOnnx, writeOnnx } from '../../../../shared/learning/graph/onnx-file.ts';
import { DEFAULT_ONNX_LIMITS } from '../../../../shared/learning/graph/onnx-limits.ts';
import { encodeReference, model, node, valueInfo } from '../../../reference/onnx-proto.ts';
import { smallGraph } from './small-graph.ts';

const output = [valueInfo('y', ['N', 2])];
describe('limits', () => {
  const bytes = writeOnnx(smallGraph(), { metadata: new Map([['a', 'b']]) });
  const limits: readonly (readonly [keyof typeof DEFAULT_ONNX_LIMITS, number, RegExp])[] = [
    ['fileBytes', bytes.length, /bytes; .* are allowed/],
    ['nodes', 6, /more than 5 nodes/],
    ['initializers', 3, /more than 2 initialisers/],
    ['valueReferences', 19, /more than 18 node inputs/],
    ['attributes', 6, /more than 5 attributes/],
    ['attributeValues', 6, /more than 5 numbers/],
    ['metadataEntries', 2, /more than 1 metadata/],
    ['textBytes', 12, /text of 12 bytes; 11 are allowed/],
    ['tensorRank', 4, /more than 3 dimensions/],
    ['tensorElements', 9, /makes a value of 9 elements an example; 8/],
    ['totalTensorBytes', 52, /more than 51 bytes of tensors/],
  ];
  it.each(limits)('%s: %i is enough and one less is not', (name, enough, message) => {
    expect(() => readOnnx(bytes, { ...DEFAULT_ONNX_LIMITS, [name]: enough })).not.toThrow();
    expect(() => readOnnx(bytes, { ...DEFAULT_ONNX_LIMITS, [name]: enough - 1 })).toThrow(message);
  });
});

describe('damaged bytes', () => {
  const bytes = writeOnnx(smallGraph(), { metadata: new Map([['a', 'b']]) });
  /** Reads, and lets only a GraphError pass. */
  const readable = (damaged: Uint8Array): boolean => {
    try {
      readOnnx(damaged);
      return true;
    } catch (error) {
      if (error instanceof GraphError) return false;
      throw error;
    }
  };

  it('a file cut short anywhere gives a GraphError or a whole graph', () => {
    for (let length = 0; length < bytes.length; length++) readable(bytes.subarray(0, length));
    expect(readable(bytes.subarray(0, bytes.length / 2))).toBe(false);
    expect(readable(new Uint8Array(0))).toBe(false);
  });

  it('flipped bits give a GraphError or a graph', () => {
    const flip = fc.record({ at: fc.nat(bytes.length - 1), bit: fc.nat(7) });
    fc.assert(
      fc.property(fc.array(flip, { minLength: 1, maxLength: 4 }), (flips) => {
        const damaged = bytes.slice();
        for (const { at, bit } of flips) damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        readable(damaged);
      }),
      { numRuns: 3000 },
    );
  });

  it('replaced, inserted and removed pieces give a GraphError or a graph', () => {
    const edit = fc.record({
      at: fc.nat(bytes.length),
      remove: fc.nat(12),
      insert: fc.uint8Array({ maxLength: 12 }),
    });
    fc.assert(
      fc.property(edit, ({ at, remove, insert }) => {
        readable(Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]));
      }),
      { numRuns: 2000 },
    );
  });

  it('random bytes give a GraphError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (noise) => {
        expect(readable(noise)).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it('random attributes and constants in valid files give a GraphError or a graph', () => {
    const number = fc.oneof(fc.integer({ min: -3, max: 9 }), fc.integer(), fc.constant(2 ** 40));
    const attribute = fc.oneof(
      fc.record({ type: fc.constant(2), i: number }),
      fc.record({ type: fc.constant(1), f: fc.float() }),
      fc.record({ type: fc.constant(7), ints: fc.array(number, { maxLength: 6 }) }),
      fc.record({
        type: fc.constant(3),
        s: fc.constantFrom(new Uint8Array(0), Buffer.from('SAME_UPPER'), Buffer.from('VALID')),
      }),
    );
    const names = [
      ...['kernel_shape', 'strides', 'pads', 'dilations', 'group', 'auto_pad', 'axis', 'perm', 'keepdims'],
      ...['transA', 'transB', 'alpha', 'num_groups', 'epsilon', 'allowzero', 'ceil_mode', '__proto__'],
    ];
    const operators = [
      ...[
        'Conv',
        'Gemm',
        'MatMul',
        'MaxPool',
        'AveragePool',
        'GlobalAveragePool',
        'BatchNormalization',
        'Reshape',
      ],
      ...[
        'GroupNormalization',
        'Flatten',
        'Transpose',
        'Concat',
        'ReduceMean',
        'ReduceSum',
        'Softmax',
        'Add',
      ],
      ...['Clip', 'Slice', 'Expand', 'Dropout', 'Relu'],
    ];
    const values = ['x', 'w', 'v', 's', 'i', ''];
    fc.assert(
      fc.property(
        fc.constantFrom(...operators),
        fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 5 }),
        fc.uniqueArray(fc.tuple(fc.constantFrom(...names), attribute), {
          maxLength: 4,
          selector: ([name]) => name,
        }),
        fc.array(number, { maxLength: 5 }),
        (op, inputs, attributes, integers) => {
          const fields = model({
            node: [
              node(op, inputs, ['y'], { attribute: attributes.map(([name, value]) => ({ name, ...value })) }),
            ],
            input: [
              valueInfo('x', ['N', 4, 6, 6]),
              valueInfo('w', [4, 4, 3, 3]),
              valueInfo('v', [4]),
              valueInfo('s', []),
            ],
            output,
            initializer: [{ name: 'i', dims: [integers.length], data_type: 7, int64_data: integers }],
          });
          readable(encodeReference(fields));
        },
      ),
      { numRuns: 3000 },
    );
  });
});
