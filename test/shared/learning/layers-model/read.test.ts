/**
 * Models made and saved by plain TensorFlow.js, read into our graph, compared, written again and loaded again: every
 * layer, sequential and functional, alone and in random sequences.
 */
import type * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openEngine } from '../../../../shared/learning/engines/open-engine.ts';
import type { Batch } from '../../../../shared/learning/engines/engine.ts';
import {
  readLayersModel,
  type LayersModel,
} from '../../../../shared/learning/layers-model/read-layers-model.ts';
import { writeLayersModel } from '../../../../shared/learning/layers-model/write-layers-model.ts';
import { manifestOf } from '../../../../shared/learning/weights.ts';
import {
  difference,
  graphLogits,
  lib,
  loadPlain,
  normals,
  predictPlain,
  probabilities,
  randomise,
  savedFiles,
  seeded,
} from './plain-tensorflow.ts';

type Layer = (x: tf.SymbolicTensor) => tf.SymbolicTensor;
type Dims = readonly [channels: number, height: number, width: number];

/** Layers of TensorFlow.js are typed as giving anything back. */
const apply = (layer: tf.layers.Layer, x: tf.SymbolicTensor | tf.SymbolicTensor[]): tf.SymbolicTensor => {
  const y = layer.apply(x);
  if (Array.isArray(y) || !(y instanceof lib.SymbolicTensor))
    throw new Error('one symbolic tensor is expected');
  return y;
};
const of =
  (make: () => tf.layers.Layer): Layer =>
  (x) =>
    apply(make(), x);
const chain =
  (...layers: readonly Layer[]): Layer =>
  (x) =>
    layers.reduce((value, layer) => layer(value), x);

const { layers: L } = lib;
const conv = (args: Partial<Parameters<typeof L.conv2d>[0]> = {}): Layer =>
  of(() => L.conv2d({ filters: 4, kernelSize: 3, ...args }));
const depthwise = (args: Partial<Parameters<typeof L.depthwiseConv2d>[0]> = {}): Layer =>
  of(() => L.depthwiseConv2d({ kernelSize: 3, ...args }));
const flatten = of(() => L.flatten());
const dense = (args: Partial<Parameters<typeof L.dense>[0]> = {}): Layer =>
  of(() => L.dense({ units: 5, ...args }));
const activation = (name: string): Layer => of(() => L.activation({ activation: name as 'relu' })); // names beyond the type exist
const batchNorm = of(() => L.batchNormalization({ epsilon: 0.01 }));
const layerNorm = of(() => L.layerNormalization({ epsilon: 0.01 }));
const pad = (padding: number | [number, number] | [[number, number], [number, number]]): Layer =>
  of(() => L.zeroPadding2d({ padding }));
const globalMean = of(() => L.globalAveragePooling2d({}));

/** Squeeze and excitation: channels weighted by a small network on their means. */
const excitation: Layer = (x) => {
  const channels = x.shape[3] ?? 0;
  const gate = chain(
    globalMean,
    of(() => L.reshape({ targetShape: [1, 1, channels] })),
    conv({ filters: 2, kernelSize: 1, activation: 'relu' }),
    conv({ filters: channels, kernelSize: 1, activation: 'sigmoid' }),
  )(x);
  return apply(L.multiply(), [x, gate]);
};
const residual: Layer = (x) => apply(L.add(), [x, conv({ filters: x.shape[3] ?? 0, padding: 'same' })(x), x]);
const branches: Layer = (x) => apply(L.concatenate(), [x, conv({ filters: 3, padding: 'same' })(x)]);
const rows: Layer = (x) => apply(L.concatenate({ axis: 1 }), [x, activation('relu')(x)]);
const average: Layer = (x) => apply(L.average(), [x, activation('sigmoid')(x)]);
const flattened: Layer = (x) => {
  const a = flatten(x);
  return apply(L.concatenate(), [a, apply(L.add(), [a, activation('tanh')(a)])]);
};

/** Layers after which a classifier's head follows. */
const CASES: readonly (readonly [string, Layer])[] = [
  ['convolution, valid', conv()],
  ['convolution, same, stride 2', conv({ padding: 'same', strides: 2, activation: 'relu' })],
  [
    'convolution, uneven kernel and strides, no bias',
    conv({ kernelSize: [2, 3], strides: [1, 2], padding: 'same', useBias: false }),
  ],
  ['convolution, dilated', conv({ dilationRate: 2 })],
  ['convolution, dilated, same', conv({ dilationRate: 2, padding: 'same', kernelSize: 2 })],
  ['depthwise', depthwise()],
  [
    'depthwise with multiplier, same, stride 2',
    depthwise({ depthMultiplier: 2, padding: 'same', strides: 2, activation: 'relu6' }),
  ],
  [
    'separable',
    of(() => L.separableConv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'elu' })),
  ],
  [
    'separable, no bias',
    of(() => L.separableConv2d({ filters: 4, kernelSize: 2, strides: 2, useBias: false })),
  ],
  ['maximum, valid', of(() => L.maxPooling2d({ poolSize: 2, strides: 2 }))],
  ['maximum, same', of(() => L.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }))],
  ['average, same', of(() => L.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }))],
  ['average, uneven', of(() => L.averagePooling2d({ poolSize: [2, 3], strides: [2, 1] }))],
  [
    'padding, convolution',
    chain(
      pad([
        [1, 0],
        [2, 1],
      ]),
      conv({ strides: 2 }),
    ),
  ],
  ['padding, convolution, same', chain(pad(1), conv({ padding: 'same', strides: 2 }))],
  ['padding twice, depthwise', chain(pad(1), pad([0, 2]), depthwise())],
  [
    'padding, maximum of values below zero',
    chain(
      pad(1),
      of(() => L.maxPooling2d({ poolSize: 3, strides: 2 })),
    ),
  ],
  [
    'padding, maximum after relu',
    chain(
      activation('relu'),
      pad(1),
      of(() => L.maxPooling2d({ poolSize: 3, strides: 2 })),
    ),
  ],
  [
    'padding, average',
    chain(
      pad([
        [0, 1],
        [1, 2],
      ]),
      of(() => L.averagePooling2d({ poolSize: 3, strides: 2 })),
    ),
  ],
  [
    'padding, average, same',
    chain(
      pad(1),
      of(() => L.averagePooling2d({ poolSize: 2, strides: 2, padding: 'same' })),
    ),
  ],
  ['padding, activation', chain(pad(1), activation('sigmoid'))],
  ['padding, sum', chain(pad(1), residual)],
  ['batch normalisation', batchNorm],
  [
    'batch normalisation without scale or shift',
    chain(
      of(() => L.batchNormalization({ scale: false })),
      of(() => L.batchNormalization({ center: false })),
    ),
  ],
  ['batch normalisation of a vector', chain(globalMean, batchNorm)],
  ['batch normalisation of a flat image', chain(flatten, batchNorm, activation('relu'))],
  ['layer normalisation of an image', layerNorm],
  ['layer normalisation of a vector', chain(globalMean, layerNorm)],
  ['layer normalisation of a flat image', chain(flatten, layerNorm)],
  [
    'layer normalisation without scale or shift',
    of(() => L.layerNormalization({ scale: false, center: false })),
  ],
  ...['relu', 'relu6', 'sigmoid', 'tanh', 'elu', 'gelu', 'gelu_new', 'swish', 'hardSigmoid', 'linear'].map(
    (name): [string, Layer] => [`activation ${name}`, activation(name)],
  ),
  ['softmax within', chain(globalMean, dense({ activation: 'softmax' }))],
  [
    'softmax layer within',
    chain(
      globalMean,
      of(() => L.softmax({ axis: -1 })),
    ),
  ],
  ['ReLU with a maximum', of(() => L.reLU({ maxValue: 0.4 }))],
  ['leaky ReLU', of(() => L.leakyReLU({ alpha: 0.15 }))],
  ['ELU', of(() => L.elu({}))],
  [
    'dropout',
    chain(
      of(() => L.dropout({ rate: 0.5 })),
      flatten,
      of(() => L.dropout({ rate: 0.3 })),
    ),
  ],
  ['global maximum', of(() => L.globalMaxPooling2d({}))],
  ['flatten, dense, dense', chain(flatten, dense({ activation: 'relu' }), dense())],
  ['dense over channels', dense({ activation: 'relu' })],
  ['two branches of a flat image', flattened],
  ['residual', residual],
  ['branches', branches],
  ['branches along the height', rows],
  ['average of branches', average],
  ['squeeze and excitation', excitation],
  [
    'reshape and permute',
    chain(
      of(() => L.permute({ dims: [2, 3, 1] })),
      of(() => L.reshape({ targetShape: [7, 2, 9] })),
      conv({ kernelSize: 2 }),
    ),
  ],
  ['rescaling', of(() => L.rescaling({ scale: 1 / 3, offset: -0.5 }))],
];

function modelOf(body: Layer, [channels, height, width]: Dims, head?: 'softmax' | 'sigmoid'): tf.LayersModel {
  const input = lib.input({ shape: [height, width, channels] });
  const features = body(input);
  const vector = features.shape.length > 2 ? flatten(features) : features;
  const output = dense({ units: 3, ...(head ? { activation: head } : {}) })(vector);
  return lib.model({ inputs: input, outputs: output });
}

const DESCRIPTION = { classNames: ['a', 'b', 'c'], preprocessing: null };

/** Read, compared, written, loaded, compared. */
async function checkBothWays(original: tf.LayersModel, dims: Dims, seed: string): Promise<LayersModel> {
  const rng = seeded('read', seed);
  randomise(original, rng);
  const images = normals(rng, 3 * dims[0] * dims[1] * dims[2]);
  const expected = predictPlain(original, images, dims);
  const read = readLayersModel(await savedFiles(original));
  const { model, weights, activation: top } = read;
  expect(model.imageDims).toEqual(dims);
  const logits = graphLogits(model, weights, images);
  expect(difference(probabilities(logits, model.classCount, top), expected), seed).toBeLessThan(1e-5);
  const kind = top === 'none' ? 'softmax' : top;
  const written = writeLayersModel(model, weights, { ...DESCRIPTION, activation: kind });
  const loaded = await loadPlain(written);
  const again = predictPlain(loaded, images, dims);
  expect(difference(again, probabilities(logits, model.classCount, kind)), seed).toBeLessThan(1e-5);
  loaded.dispose();
  original.dispose();
  return read;
}

describe('a model saved by TensorFlow.js', () => {
  it.each(CASES)('%s: same outputs when read, and when written again', async (name, body) => {
    const dims = [2, 7, 9] as const;
    const read = await checkBothWays(modelOf(body, dims, 'softmax'), dims, name);
    expect(read.activation).toBe('softmax');
    expect(read.metadata).toBeUndefined();
  });

  it('ends in logits, whatever is on top of them', async () => {
    const dims = [1, 4, 4] as const;
    const layerOnTop = (layer: tf.layers.Layer): tf.LayersModel => {
      const plain = modelOf(flatten, dims);
      const [output] = plain.outputs;
      if (output === undefined) throw new Error('no output');
      return lib.model({ inputs: plain.inputs, outputs: apply(layer, output) });
    };
    const tops = [
      await checkBothWays(modelOf(flatten, dims), dims, 'no top'),
      await checkBothWays(modelOf(flatten, dims, 'sigmoid'), dims, 'sigmoid'),
      await checkBothWays(layerOnTop(L.softmax({ axis: -1 })), dims, 'softmax layer'),
      await checkBothWays(layerOnTop(L.activation({ activation: 'sigmoid' })), dims, 'sigmoid layer'),
    ];
    expect(tops.map((read) => read.activation)).toEqual(['none', 'sigmoid', 'softmax', 'sigmoid']);
    for (const { model } of tops)
      expect(model.graph.nodes.some(({ op }) => op === 'Sigmoid' || op === 'Softmax')).toBe(false);
  });

  it('may be sequential, hold models, and call a layer twice', async () => {
    const base = lib.sequential({
      layers: [
        L.conv2d({
          filters: 3,
          kernelSize: 3,
          padding: 'same',
          activation: 'relu',
          inputShape: [6, 6, 2],
          name: 'shared',
        }),
        L.maxPooling2d({ poolSize: 2 }),
      ],
    });
    const outer = lib.sequential({
      layers: [base, L.flatten(), L.dense({ units: 3, activation: 'softmax', name: 'head' })],
    });
    const read = await checkBothWays(outer, [2, 6, 6], 'nested');
    expect(read.model.parameters.map(({ name }) => name.split('/').at(-1))).toEqual([
      'shared.weight',
      'shared.bias',
      'head.weight',
      'head.bias',
    ]);

    const twice = L.dense({ units: 8, activation: 'relu', name: 'twice' });
    const body: Layer = (x) => apply(twice, apply(twice, flatten(x)));
    const shared = await checkBothWays(modelOf(body, [2, 2, 2], 'softmax'), [2, 2, 2], 'called twice');
    expect(shared.model.parameters.filter(({ name }) => name.startsWith('twice'))).toHaveLength(2);
  });

  it('random sequences of layers', async () => {
    const parts = CASES.filter(([name]) => !/vector|flat|global|within|reshape|dropout|dilated/.test(name));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...parts), { minLength: 2, maxLength: 4 }),
        fc.tuple(
          fc.integer({ min: 1, max: 3 }),
          fc.integer({ min: 12, max: 16 }),
          fc.integer({ min: 12, max: 16 }),
        ),
        fc.constantFrom(
          flatten,
          globalMean,
          of(() => L.globalMaxPooling2d({})),
        ),
        async (chosen, dims, head) => {
          const body = chain(...chosen.map(([, layer]) => layer), head);
          await checkBothWays(modelOf(body, dims, 'softmax'), dims, chosen.map(([name]) => name).join(' | '));
        },
      ),
      { numRuns: 25, seed: 7 },
    );
  }, 60_000);
});

describe('a model that was read', () => {
  it('trains: ONNX Runtime gives the loss, gradients and logits of TensorFlow.js', async () => {
    const dims = [2, 8, 8] as const;
    const body = chain(
      pad(1),
      conv({ strides: 2, activation: 'relu' }),
      batchNorm,
      excitation,
      branches,
      layerNorm,
      residual,
      flatten,
    );
    const original = modelOf(body, dims, 'softmax');
    const rng = seeded('trains');
    randomise(original, rng);
    const { model, weights } = readLayersModel(await savedFiles(original));
    const batch: Batch = {
      images: normals(rng, 2 * 2 * 8 * 8),
      targets: Float32Array.of(1, 0, 0, 0, 0, 1),
      sampleWeights: Float32Array.of(0.5, 0.5),
    };
    const results = [];
    for (const name of ['tensorflow-js', 'onnx'] as const) {
      const engine = await openEngine(name);
      const compiled = await engine.compile(model, { batchSize: 2, loss: 'softmax' });
      const gradient = new Float32Array(manifestOf(model).length);
      const { loss } = await compiled.gradients(weights, batch, gradient);
      results.push({ loss, gradient, logits: await compiled.predict(weights, batch.images) });
      await compiled.dispose();
    }
    const [reference, onnx] = results;
    if (!reference || !onnx) throw new Error('two engines are expected');
    expect(onnx.loss).toBeCloseTo(reference.loss, 4);
    expect(difference(onnx.gradient, reference.gradient)).toBeLessThan(1e-4);
    expect(difference(onnx.logits, reference.logits)).toBeLessThan(1e-5);
    expect(onnx.gradient.some((g) => Math.abs(g) > 1e-3)).toBe(true);
  });
});
