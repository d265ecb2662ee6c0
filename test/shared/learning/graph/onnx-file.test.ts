import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../shared/errors.ts';
import { float, int, ints, text } from '../../../../shared/learning/graph/attributes.ts';
import { GraphBuilder } from '../../../../shared/learning/graph/builder.ts';
import { readOnnx, readOnnxFile, writeOnnx } from '../../../../shared/learning/graph/onnx-file.ts';
import { DEFAULT_ONNX_LIMITS } from '../../../../shared/learning/graph/onnx-limits.ts';
import type { Graph } from '../../../../shared/learning/graph/types.ts';
import {
  decodeReference,
  encodeReference,
  model,
  node,
  valueInfo,
  type Fields,
} from '../../../reference/onnx-proto.ts';

/** conv (4×4 → 3×3), dropout, relu, pool (→ 2×2), reshape, gemm: constants of both types, every kind of attribute. */
function smallGraph(): Graph {
  const build = new GraphBuilder('small');
  build.input('images', ['N', 1, 4, 4]);
  build.input('kernel', [1, 1, 3, 3]);
  const matrix = Float32Array.of(0, -1, 2.5, 3, 1e-40, 5, 6, 7);
  build.namedConstant('matrix', { dtype: 'float32', dims: [2, 4], data: matrix });
  build.namedConstant('shape', { dtype: 'int64', dims: [2], data: [0, -1] });
  const window = { auto_pad: text('NOTSET'), pads: ints([1, 1, 0, 0]), group: int(1) };
  build.add('Conv', ['images', 'kernel'], window, { name: 'conv', outputs: ['c'] });
  const ratio = { ratio: float(0.25) };
  build.add('Dropout', ['c'], ratio, { domain: 'consilium', name: 'drop', outputs: ['d'] });
  build.add('Relu', ['d'], {}, { name: 'relu', outputs: ['r'] });
  build.add('MaxPool', ['r'], { kernel_shape: ints([2, 2]) }, { name: 'pool', outputs: ['p'] });
  build.add('Reshape', ['p', 'shape'], {}, { name: 'flat', outputs: ['f'] });
  const half = { transB: int(1), alpha: float(0.5) };
  build.add('Gemm', ['f', 'matrix'], half, { name: 'out', outputs: ['logits'] });
  return build.build(['logits']);
}

const image = valueInfo('x', ['N', 2]);
const output = [valueInfo('y', ['N', 2])];
const readFields = (fields: Fields): Graph => readOnnx(encodeReference(fields));
/** The message of the GraphError that reading these fields gives. */
function refusal(fields: Fields): string {
  try {
    readFields(fields);
  } catch (error) {
    if (error instanceof GraphError) return error.message;
    throw error;
  }
  return 'was read';
}
const relu = { node: [node('Relu', ['x'], ['y'])], input: [image], output };
const floatTensor = (name: string, dims: readonly number[], values: readonly number[]): Fields => ({
  name,
  dims,
  data_type: 1,
  float_data: values,
});

describe('writing and reading again', () => {
  it('gives the same graph and metadata', () => {
    const graph = smallGraph();
    const metadata = new Map([
      ['title', 'Lungs, 28×28'],
      ['empty', ''],
    ]);
    const file = readOnnxFile(writeOnnx(graph, { producer: { name: 'me', version: '1' }, metadata }));
    expect(file.graph).toEqual(graph);
    expect(file.metadata).toEqual(metadata);
    expect(file.producer).toBe('me');
  });

  it('gives equal bytes for equal graphs', () => {
    expect(writeOnnx(smallGraph())).toEqual(writeOnnx(smallGraph()));
  });

  it('writes what another decoder of the format understands', () => {
    expect(decodeReference(writeOnnx(smallGraph()))).toMatchObject({
      ir_version: 10,
      producer_name: 'consilium',
      opset_import: [{ version: 21 }],
      graph: {
        name: 'small',
        input: [valueInfo('images', ['N', 1, 4, 4]), valueInfo('kernel', [1, 1, 3, 3])],
        output: [valueInfo('logits', ['N', 2])],
        initializer: [
          { name: 'matrix', dims: [2, 4], data_type: 1 },
          { name: 'shape', dims: [2], data_type: 7, raw_data: 'AAAAAAAAAAD//////////w==' },
          { name: 'd_ratio', data_type: 1, raw_data: 'AACAPg==' },
        ],
        node: [
          {
            op_type: 'Conv',
            name: 'conv',
            input: ['images', 'kernel'],
            output: ['c'],
            attribute: [
              { name: 'auto_pad', type: 3, s: 'Tk9UU0VU' },
              { name: 'pads', type: 7, ints: [1, 1, 0, 0] },
              { name: 'group', type: 2, i: 1 },
            ],
          },
          { op_type: 'Dropout', input: ['c', 'd_ratio'] },
          { op_type: 'Relu' },
          { op_type: 'MaxPool' },
          { op_type: 'Reshape' },
          { op_type: 'Gemm', attribute: [{ name: 'transB' }, { name: 'alpha', type: 1, f: 0.5 }] },
        ],
      },
    });
  });

  it('declares the domains of ONNX Runtime and refuses to write our own', () => {
    const graph = readFields(model(relu));
    const withDomain = (domain: 'com.microsoft' | 'consilium'): Graph => ({
      ...graph,
      nodes: graph.nodes.map((n) => ({ ...n, domain })),
    });
    expect(decodeReference(writeOnnx(withDomain('com.microsoft')))).toMatchObject({
      opset_import: [{ version: 21 }, { domain: 'com.microsoft', version: 1 }],
    });
    expect(() => writeOnnx(withDomain('consilium'))).toThrow(/"Relu" is our own/);
  });
});

describe('reading what others write', () => {
  it('takes float_data, int64_data, Constant nodes, initialisers among the inputs, and "ai.onnx"', () => {
    const graph = readFields(
      model(
        {
          node: [
            node('Constant', [], ['k'], {
              attribute: [{ name: 'value', type: 4, t: floatTensor('', [1, 2], [3, 4]) }],
            }),
            node('Constant', [], ['s'], { attribute: [{ name: 'value_ints', type: 7, ints: [-1, 2] }] }),
            node('Constant', [], ['h'], { attribute: [{ name: 'value_float', type: 1, f: 0.5 }] }),
            node('Mul', ['x', 'w'], ['a'], { domain: 'ai.onnx' }),
            node('Mul', ['a', 'k'], ['b']),
            node('Mul', ['b', 'h'], ['c']),
            node('Reshape', ['c', 's'], ['d']),
            node('Reshape', ['d', 't'], ['y']),
          ],
          input: [image, valueInfo('w', [2])],
          output,
          initializer: [
            floatTensor('w', [2], [1, 2]),
            { name: 't', dims: [2], data_type: 7, int64_data: [-1, 2] },
            floatTensor('unused', [1], [9]),
          ],
        },
        { opset_import: [{ domain: 'ai.onnx', version: 17 }] },
      ),
    );
    expect(graph.inputs).toEqual([{ name: 'x', dtype: 'float32', dims: ['N', 2] }]);
    expect(graph.outputs).toEqual([{ name: 'y', dtype: 'float32', dims: ['N', 2] }]);
    expect(graph.constants).toEqual(
      new Map<string, unknown>([
        ['w', { dtype: 'float32', dims: [2], data: Float32Array.of(1, 2) }],
        ['t', { dtype: 'int64', dims: [2], data: [-1, 2] }],
        ['k', { dtype: 'float32', dims: [1, 2], data: Float32Array.of(3, 4) }],
        ['s', { dtype: 'int64', dims: [2], data: [-1, 2] }],
        ['h', { dtype: 'float32', dims: [], data: Float32Array.of(0.5) }],
      ]),
    );
  });

  it('puts nodes in order', () => {
    const nodes = [node('Neg', ['b'], ['y']), node('Relu', ['x'], ['a']), node('Sigmoid', ['a'], ['b'])];
    const graph = readFields(model({ node: nodes, input: [image], output }));
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Relu', 'Sigmoid', 'Neg']);
  });

  it('orders a chain of nodes that is longer than any call stack', () => {
    const count = 15_000;
    const name = (i: number): string => (i === 0 ? 'x' : i === count ? 'y' : `v${String(i)}`);
    const nodes = Array.from({ length: count }, (_, i) => node('Relu', [name(i)], [name(i + 1)]));
    expect(readFields(model({ node: nodes.reverse(), input: [image], output })).nodes).toHaveLength(count);
  });

  it('reads dropout in its ONNX forms', () => {
    const read = (input: readonly string[], ratio: number): unknown =>
      readFields(
        model({
          node: [node('Dropout', input, ['y'])],
          input: [image],
          output,
          initializer: [floatTensor('r', [], [ratio])],
        }),
      ).nodes[0];
    expect(read(['x'], 0.1)).toMatchObject({
      domain: 'consilium',
      inputs: ['x'],
      attributes: { ratio: float(0.5) },
    });
    expect(read(['x', 'r'], 0.25)).toMatchObject({ op: 'Dropout', attributes: { ratio: float(0.25) } });
    expect(read(['x', 'r'], 0)).toMatchObject({ domain: '', op: 'Identity', inputs: ['x'] });
    expect(() => read(['x', 'r'], 1)).toThrow(/must be a float32 constant in \[0, 1\)/);
    expect(() => read(['x', 'r', 'r'], 0.5)).toThrow(/training mode/);
  });
});

describe('refusals name what is wrong', () => {
  const cases: readonly (readonly [string, Fields, RegExp])[] = [
    [
      'an unknown operator',
      model({ ...relu, node: [node('Foo', ['x'], ['y'], { name: 'bar' })] }),
      /^Operator "Foo" \(node "bar"\) is not supported; supported: .*Add.*Conv.*Transpose/,
    ],
    [
      'an operator of another domain',
      model({ ...relu, node: [node('Relu', ['x'], ['y'], { domain: 'consilium' })] }),
      /Operator "consilium.Relu" \(node number 1\) is not supported/,
    ],
    [
      'an operator by the name of an object property',
      model({ ...relu, node: [node('constructor', ['x'], ['y'])] }),
      /Operator "constructor"/,
    ],
    [
      'a cycle',
      model({
        ...relu,
        node: [node('Add', ['x', 'b'], ['a']), node('Relu', ['a'], ['b']), node('Relu', ['a'], ['y'])],
      }),
      /cycle through Add node/,
    ],
    ['a node that feeds itself', model({ ...relu, node: [node('Add', ['x', 'y'], ['y'])] }), /cycle/],
    [
      'a missing value',
      model({ ...relu, node: [node('Relu', ['z'], ['y'])] }),
      /uses the value "z", which nothing makes/,
    ],
    ['a missing output', model({ ...relu, output: [valueInfo('z', [1])] }), /"z" does not exist/],
    ['no output', model({ ...relu, output: [] }), /no output/],
    [
      'two producers',
      model({ ...relu, node: [node('Relu', ['x'], ['y']), node('Neg', ['x'], ['y'])] }),
      /"y" is made twice/,
    ],
    [
      'a node that makes an input',
      model({ ...relu, node: [node('Relu', ['x'], ['x'])] }),
      /"x" is made twice/,
    ],
    ['two inputs of one name', model({ ...relu, input: [image, image] }), /"x" is defined twice/],
    [
      'two initialisers of one name',
      model({ ...relu, initializer: [floatTensor('w', [1], [1]), floatTensor('w', [1], [1])] }),
      /"w" is there twice/,
    ],
    [
      'float16',
      model({ ...relu, initializer: [{ name: 'w', dims: [1], data_type: 10 }] }),
      /"w" has the element type float16/,
    ],
    [
      'double',
      model({ ...relu, input: [valueInfo('x', ['N', 2], 11)] }),
      /Input "x" has the element type double/,
    ],
    ['int8', model({ ...relu, initializer: [{ name: 'w', dims: [1], data_type: 3 }] }), /element type int8/],
    [
      'a bool constant',
      model({ ...relu, initializer: [{ name: 'w', dims: [1], data_type: 9 }] }),
      /bool constant/,
    ],
    [
      'external data',
      model({ ...relu, initializer: [{ name: 'w', dims: [1], data_type: 1, data_location: 1 }] }),
      /"w" keeps its values in another file/,
    ],
    [
      'external data without the location',
      model({
        ...relu,
        initializer: [
          { name: 'w', dims: [1], data_type: 1, external_data: [{ key: 'location', value: '/etc/passwd' }] },
        ],
      }),
      /another file/,
    ],
    [
      'a negative size',
      model({ ...relu, initializer: [floatTensor('w', [-1, -1], [1])] }),
      /"w" has the negative size -1/,
    ],
    [
      'a shape of more elements than there are',
      model({
        ...relu,
        initializer: [{ name: 'w', dims: [1000, 1000], data_type: 1, raw_data: Uint8Array.of(1, 2, 3, 4) }],
      }),
      /needs 4000000 bytes for its shape and has 4/,
    ],
    [
      'a shape beyond all bounds',
      model({ ...relu, initializer: [{ name: 'w', dims: [2 ** 40, 2 ** 40, 2 ** 40], data_type: 1 }] }),
      /"w" has more than 134217728 elements/,
    ],
    [
      'too few float_data',
      model({ ...relu, initializer: [floatTensor('w', [3], [1, 2])] }),
      /needs 3 values for its shape and has 2/,
    ],
    [
      'rank 9',
      model({ ...relu, initializer: [floatTensor('w', Array<number>(9).fill(1), [1])] }),
      /more than 8 dimensions/,
    ],
    [
      'an integer beyond 2^53',
      model({
        ...relu,
        initializer: [{ name: 'w', dims: [1], data_type: 7, raw_data: new Uint8Array(8).fill(127) }],
      }),
      /integer outside/,
    ],
    [
      'a subgraph',
      model({
        ...relu,
        node: [
          node('Relu', ['x'], ['y'], {
            name: 'r',
            attribute: [{ name: 'body', type: 5, g: { name: 'inner' } }],
          }),
        ],
      }),
      /Attribute "body" of node "r" has a subgraph/,
    ],
    [
      'a list of strings',
      model({ ...relu, node: [node('Relu', ['x'], ['y'], { attribute: [{ name: 'a', type: 8 }] })] }),
      /"a" of node number 1 has a list of strings/,
    ],
    [
      'an attribute twice',
      model({
        ...relu,
        node: [
          node('Flatten', ['x'], ['y'], {
            attribute: [
              { name: 'axis', type: 2, i: 1 },
              { name: 'axis', type: 2, i: 1 },
            ],
          }),
        ],
      }),
      /"axis" of node number 1 is there twice/,
    ],
    [
      'an attribute that the operator has not',
      model({
        ...relu,
        node: [node('Relu', ['x'], ['y'], { attribute: [{ name: 'slope', type: 1, f: 0.1 }] })],
      }),
      /attribute "slope", which is not supported/,
    ],
    [
      'batch normalisation in training mode',
      model({
        ...relu,
        node: [
          node('BatchNormalization', ['x'], ['y'], { attribute: [{ name: 'training_mode', type: 2, i: 1 }] }),
        ],
      }),
      /sets "training_mode" to another value than 0/,
    ],
    ['a second output', model({ ...relu, node: [node('Relu', ['x'], ['y', 'z'])] }), /too many outputs/],
    [
      'a wrong number of inputs',
      model({ ...relu, node: [node('Relu', ['x', 'x'], ['y'])] }),
      /Relu node has 2 inputs/,
    ],
    [
      'shapes that do not fit',
      model({ ...relu, input: [image, valueInfo('b', [3])], node: [node('Add', ['x', 'b'], ['y'])] }),
      /cannot broadcast/,
    ],
    ['an open size', model({ ...relu, input: [valueInfo('x', ['N', 'width'])] }), /leaves dimension 1 open/],
    ['a size of zero', model({ ...relu, input: [valueInfo('x', ['N', 0])] }), /the size 0 in dimension 1/],
    [
      'an input without a shape',
      model({ ...relu, input: [{ name: 'x', type: { tensor_type: { elem_type: 1 } } }] }),
      /"x" has no shape/,
    ],
    [
      'an old operator set',
      model(relu, { opset_import: [{ version: 9 }] }),
      /version 9 of the ONNX operator set; 11 to 21/,
    ],
    ['a newer operator set', model(relu, { opset_import: [{ version: 22 }] }), /version 22/],
    ['no operator set', model(relu, { opset_import: [] }), /does not say/],
    [
      'an operator with another meaning then',
      model(
        { ...relu, node: [node('ReduceMean', ['x'], ['y'], { name: 'mean' })] },
        { opset_import: [{ version: 17 }] },
      ),
      /ReduceMean node "mean" has another meaning in version 17.*its axes were an attribute.*version 18/,
    ],
    [
      'a value that would not fit the memory',
      model({
        ...relu,
        input: [valueInfo('x', ['N', 1, 2, 2])],
        node: [
          node('MaxPool', ['x'], ['y'], {
            attribute: [
              { name: 'kernel_shape', type: 7, ints: [1, 1] },
              { name: 'pads', type: 7, ints: [2 ** 20, 2 ** 20, 0, 0] },
            ],
          }),
        ],
      }),
      /makes a value of 1099515822084 elements an example; 134217728 are allowed/,
    ],
    ['functions', model(relu, { functions: [{ name: 'f' }] }), /functions of its own/],
    [
      'a key of the metadata twice',
      model(relu, { metadata_props: [{ key: 'a' }, { key: 'a' }] }),
      /the key "a" twice/,
    ],
    ['no graph', { ir_version: 10 }, /holds no graph/],
  ];
  it.each(cases)('%s', (_, fields, message) => {
    expect(refusal(fields)).toMatch(message);
  });

  it('keeps hostile names short and printable', () => {
    const message = refusal(model({ ...relu, node: [node(`\u001b[2J${'A'.repeat(5000)}`, ['x'], ['y'])] }));
    expect(message).toContain('\\u001b[2JAAAA');
    expect(message.length).toBeLessThan(1500);
  });
});

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
