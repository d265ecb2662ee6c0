/** Forms of files: batch sizes, channel orders, element types, activations at the end, names and shared weights. */
import { describe, expect, it } from 'vitest';
import { openNativeEngine } from '../../../../shared/learning/engines/onnx-native.ts';
import { importModel, type ImportedModel } from '../../../../shared/learning/import/import-model.ts';
import { node, type Fields } from '../../../reference/onnx-proto.ts';
import { attributes, dense, expectSameLogits, floats, foreignFile, longs } from './foreign-file.ts';

const engine = await openNativeEngine();

describe('forms of files', () => {
  const end = dense('v', 48);

  it('a fixed batch size becomes any', async () => {
    const nodes = [node('Reshape', ['x', 'to'], ['v']), ...end.nodes];
    const initializers = [longs('to', [3, 4, 12]), ...end.initializers];
    await expectSameLogits(engine, foreignFile({ nodes, initializers, input: [3, 2, 4, 6] }), {
      fileBatch: 3,
    });
  });

  it('channels in the last place are brought to the front', () => {
    const nodes = [node('Transpose', ['x'], ['v'], attributes({ perm: [0, 3, 1, 2] })), ...end.nodes];
    const bytes = foreignFile({
      nodes,
      initializers: [...dense('v', 4 * 6 * 3).initializers],
      input: ['N', 4, 6, 3],
    });
    const { model } = expectNothingTransposed(bytes);
    expect(model.imageDims).toEqual([3, 4, 6]);
  });

  function expectNothingTransposed(bytes: Uint8Array): ImportedModel {
    const imported = importModel(bytes);
    expect(imported.model.graph.nodes.map(({ op }) => op)).toEqual(['Flatten', 'Gemm']);
    return imported;
  }

  it.each(['Softmax', 'Sigmoid', 'LogSoftmax'])('%s at the end is left out', (op) => {
    const plain = dense('x', 48);
    const [flatten, gemm] = plain.nodes;
    if (!flatten || !gemm) throw new Error('two nodes');
    const nodes = [flatten, { ...gemm, output: ['z'] }, node(op, ['z'], ['y'])];
    const { model } = importModel(foreignFile({ nodes, initializers: plain.initializers }));
    expect(model.graph.nodes.map((n) => n.op)).toEqual(['Flatten', 'Gemm']);
    expect(model.graph.outputs).toEqual([{ name: 'logits', dtype: 'float32', dims: ['N', 3] }]);
  });

  it('weights of other types are read as float32', () => {
    const half = {
      name: 'a',
      dims: [3],
      data_type: 10,
      raw_data: new Uint8Array(Uint16Array.of(0x3c00, 0xc100, 0x0001).buffer),
    };
    const double = {
      name: 'a',
      dims: [2],
      data_type: 11,
      raw_data: new Uint8Array(Float64Array.of(0.1, -3).buffer),
    };
    const valuesOf = (a: Fields, columns: number): readonly number[] => {
      const nodes = [
        node('Slice', ['x', 'f', 't', 'c'], ['s']),
        node('Relu', ['s'], ['r']),
        node('Add', ['r', 'a'], ['v']),
        ...dense('v', 8 * columns).nodes,
      ];
      const initializers = [
        longs('f', [0]),
        longs('t', [columns]),
        longs('c', [3]),
        a,
        ...dense('v', 8 * columns).initializers,
      ];
      const { model } = importModel(foreignFile({ nodes, initializers }));
      const parameter = model.parameters.find(({ name }) => name === 'a');
      return parameter?.initializer.kind === 'given' ? [...parameter.initializer.values] : [];
    };
    expect(valuesOf(half, 3)).toEqual([1, -2.5, 2 ** -24]);
    expect(valuesOf(double, 2)).toEqual([Math.fround(0.1), -3]);
  });

  it('grey images stand for the channels of a colour model', () => {
    const plain = dense('x', 72);
    const imported = importModel(foreignFile({ ...plain, input: ['N', 3, 4, 6] }), { imageDims: [1, 4, 6] });
    expect(imported.model.imageDims).toEqual([1, 4, 6]);
    expect(imported.notes.join()).toMatch(/repeated for the 3 channels/);
  });

  it('arithmetic of pixels is preprocessing: its constants are not trained', () => {
    const nodes = [node('Sub', ['x', 'mean'], ['c']), node('Div', ['c', 'std'], ['v']), ...end.nodes];
    const initializers = [floats('mean', [2, 1, 1]), floats('std', [2, 1, 1], [1, 2]), ...end.initializers];
    const { model } = importModel(foreignFile({ nodes, initializers }));
    expect(model.parameters.map(({ name }) => name)).toEqual(['head.w', 'head.b']);
  });

  it('weights that two nodes share are two parameters, and this is said', async () => {
    const nodes = [
      node('Relu', ['x'], ['r']),
      node('Mul', ['r', 'w'], ['a']),
      node('Mul', ['a', 'w'], ['v']),
      ...end.nodes,
    ];
    const imported = await expectSameLogits(
      engine,
      foreignFile({ nodes, initializers: [floats('w', [6]), ...end.initializers] }),
    );
    expect(imported.model.parameters.map(({ name }) => name)).toEqual(['w', 'w#2', 'head.w', 'head.b']);
    expect(imported.notes.join()).toMatch(/shared are separate/);
  });

  it('names that our graphs use are given another form', async () => {
    const nodes = [node('Relu', ['x'], ['r']), node('Mul', ['r', 'logits'], ['v']), ...end.nodes];
    const initializers = [floats('logits', [6]), ...end.initializers];
    const imported = await expectSameLogits(engine, foreignFile({ nodes, initializers }));
    expect(imported.model.parameters[0]?.name).toBe('parameter.logits');
  });
});
