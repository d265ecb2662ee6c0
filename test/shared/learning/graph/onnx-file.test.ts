import { describe, expect, it } from 'vitest';
import { float } from '../../../../shared/learning/graph/attributes.ts';
import { readOnnx, readOnnxFile, writeOnnx } from '../../../../shared/learning/graph/onnx-file.ts';
import type { Graph } from '../../../../shared/learning/graph/types.ts';
import {
  decodeReference,
  encodeReference,
  model,
  node,
  valueInfo,
  type Fields,
} from '../../../reference/onnx-proto.ts';
import { smallGraph } from './small-graph.ts';

const image = valueInfo('x', ['N', 2]);
const output = [valueInfo('y', ['N', 2])];
const readFields = (fields: Fields): Graph => readOnnx(encodeReference(fields));
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
