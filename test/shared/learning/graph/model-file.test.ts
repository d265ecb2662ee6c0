import { describe, expect, it } from 'vitest';
import { float, ints } from '../../../../shared/learning/graph/attributes.ts';
import { GraphBuilder } from '../../../../shared/learning/graph/builder.ts';
import {
  MODEL_METADATA_KEY,
  readModelFile,
  writeModel,
  type WriteModelOptions,
} from '../../../../shared/learning/graph/model-file.ts';
import { readOnnx, readOnnxFile, writeOnnx } from '../../../../shared/learning/graph/onnx-file.ts';
import type { Model, Parameter, ParameterKind } from '../../../../shared/learning/graph/types.ts';
import { initialWeights, manifestOf } from '../../../../shared/learning/weights.ts';
import { runReference } from '../../../reference/interpreter.ts';
import { tensor } from '../../../reference/tensor64.ts';

const parameter = (name: string, dims: readonly number[], kind: ParameterKind): Parameter => ({
  name,
  dims,
  kind,
  trainable: kind !== 'runningMean' && kind !== 'runningVariance',
  initializer: kind === 'runningVariance' ? { kind: 'ones' } : { kind: 'he', fanIn: 4 },
});

/** Convolution, batch normalisation, dropout, dense: every kind of parameter. */
function smallModel(): Model {
  const build = new GraphBuilder('small');
  const parameters = [
    parameter('conv.weight', [2, 1, 2, 2], 'kernel'),
    parameter('bn.scale', [2], 'normScale'),
    parameter('bn.shift', [2], 'normShift'),
    parameter('bn.mean', [2], 'runningMean'),
    parameter('bn.variance', [2], 'runningVariance'),
    parameter('dense.weight', [3, 8], 'kernel'),
    parameter('dense.bias', [3], 'bias'),
  ];
  build.input('images', ['N', 1, 3, 3]);
  for (const { name, dims } of parameters) build.input(name, dims);
  const conv = build.op('Conv', ['images', 'conv.weight'], { strides: ints([1, 1]) });
  const normal = build.op('BatchNormalization', [conv, 'bn.scale', 'bn.shift', 'bn.mean', 'bn.variance']);
  const flat = build.op('Reshape', [normal, build.ints([0, -1])]);
  const dropped = build.op('Dropout', [flat], { ratio: float(0.25) }, { domain: 'consilium' });
  const transB = { transB: { kind: 'int', value: 1 } } as const;
  build.op('Gemm', [dropped, 'dense.weight', 'dense.bias'], transB, { outputs: ['logits'] });
  return { graph: build.build(['logits']), parameters, imageDims: [1, 3, 3], classCount: 3 };
}

const options: WriteModelOptions = {
  classNames: ['normal', 'bénin', 'malignant'],
  activation: 'softmax',
  preprocessing: { mean: [0.5], size: 3 },
  metadata: new Map([['digest', 'abc']]),
};
const model = smallModel();
const weights = initialWeights(model, 7);

describe('a model file', () => {
  const bytes = writeModel(model, weights, options);

  it('gives back graph, weights to the bit, and description', () => {
    const file = readModelFile(bytes);
    expect(file.weights).toEqual(weights);
    expect(file.model.graph).toEqual(model.graph);
    expect(manifestOf(file.model)).toEqual(manifestOf(model));
    expect(initialWeights(file.model, 0)).toEqual(weights);
    const { classNames, activation, preprocessing } = options;
    expect(file.description).toEqual({ classNames, activation, preprocessing });
    expect(file.metadata).toEqual(options.metadata);
    expect(file.model).toMatchObject({ imageDims: [1, 3, 3], classCount: 3 });
  });

  it('is an inference graph: one input, logits and probabilities, weights as initialisers', () => {
    const graph = readOnnx(bytes);
    expect(graph.inputs).toEqual([{ name: 'images', dtype: 'float32', dims: ['N', 1, 3, 3] }]);
    expect(graph.outputs.map(({ name, dims }) => [name, dims])).toEqual([
      ['logits', ['N', 3]],
      ['probabilities', ['N', 3]],
    ]);
    expect([...graph.constants.keys()].slice(0, 7)).toEqual(model.parameters.map(({ name }) => name));
    const images = new Map([
      [
        'images',
        tensor(
          [2, 1, 3, 3],
          Array.from({ length: 18 }, (_, i) => i / 9),
        ),
      ],
    ]);
    const [, probabilities] = runReference(graph, images);
    const sums = [0, 1].map((n) => probabilities?.data.slice(3 * n, 3 * n + 3).reduce((a, b) => a + b));
    expect(sums).toEqual([expect.closeTo(1, 12), expect.closeTo(1, 12)]);
  });

  it('with independent classes ends in a sigmoid', () => {
    const file = writeModel(model, weights, { ...options, activation: 'sigmoid' });
    expect(readOnnx(file).nodes.at(-1)?.op).toBe('Sigmoid');
    expect(readModelFile(file).description.activation).toBe('sigmoid');
  });

  it('refuses weights and class names that do not fit', () => {
    expect(() => writeModel(model, weights.subarray(1), options)).toThrow(/has 43 weights and 42 were given/);
    expect(() => writeModel(model, weights, { ...options, classNames: ['a'] })).toThrow(
      /3 classes and 1 names/,
    );
  });
});

describe('a model file that contradicts itself is refused', () => {
  const { graph, metadata } = readOnnxFile(writeModel(model, weights, options));
  const description: unknown = JSON.parse(metadata.get(MODEL_METADATA_KEY) ?? '');
  const rewritten = (change: object): Uint8Array =>
    writeOnnx(graph, {
      metadata: new Map([[MODEL_METADATA_KEY, JSON.stringify(Object.assign({}, description, change))]]),
    });
  const first = { name: 'conv.weight', kind: 'kernel', trainable: true };

  it.each([
    ['no metadata', writeOnnx(graph), /not written by this program/],
    ['no JSON', writeOnnx(graph, { metadata: new Map([[MODEL_METADATA_KEY, '{']]) }), /is no JSON/],
    ['an unknown format', rewritten({ format: 2 }), /not as expected/],
    ['an unknown field', rewritten({ extra: 1 }), /extra/],
    [
      'another number of classes',
      rewritten({ classNames: ['a', 'b'] }),
      /shape \[N, 3\]; \[N, 2\] is needed/,
    ],
    ['other image sizes', rewritten({ imageDims: [1, 5, 5] }), /cannot multiply/],
    ['an unknown parameter', rewritten({ parameters: [{ ...first, name: 'x' }] }), /no weights named "x"/],
    ['a parameter twice', rewritten({ parameters: [first, first] }), /listed twice/],
  ])('%s', (_, bytes, message) => {
    expect(() => readModelFile(bytes)).toThrow(message);
  });

  it('weights that are not finite', () => {
    const broken = weights.slice();
    broken[3] = NaN;
    expect(() => readModelFile(writeModel(model, broken, options))).toThrow(
      /"conv.weight" hold a value that is not finite/,
    );
  });
});
