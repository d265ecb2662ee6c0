/** What a file may not hold, and how it is told. */
import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../shared/errors.ts';
import { readOnnx } from '../../../../shared/learning/graph/onnx-file.ts';
import type { Graph } from '../../../../shared/learning/graph/types.ts';
import { encodeReference, model, node, valueInfo, type Fields } from '../../../reference/onnx-proto.ts';

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
      'a value of more dimensions than any image has',
      model({
        ...relu,
        node: [node('Reshape', ['x', 's'], ['y'])],
        initializer: [{ name: 's', dims: [9], data_type: 7, int64_data: [0, 2, 1, 1, 1, 1, 1, 1, 1] }],
      }),
      /Reshape node makes a value of 9 dimensions; 8 are allowed/,
    ],
    [
      'a long list of integers',
      model({ ...relu, initializer: [{ name: 's', dims: [70_000], data_type: 7 }] }),
      /"s" has more than 65536 elements/,
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
