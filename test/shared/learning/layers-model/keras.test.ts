/**
 * Files as the TensorFlow.js converter makes them of Keras 2 and Keras 3 models, written out by hand in fixtures/: the same
 * network in both. Plain TensorFlow.js loads the first and is the reference of both (it cannot read Keras 3).
 */
import type * as tf from '@tensorflow/tfjs';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  readLayersModel,
  type LayersModel,
} from '../../../../shared/learning/layers-model/read-layers-model.ts';
import { sizeOf, weightsToBytes } from '../../../../shared/learning/weights.ts';
import {
  difference,
  graphLogits,
  lib,
  normals,
  predictPlain,
  probabilities,
  seeded,
} from './plain-tensorflow.ts';

const DIMS = [3, 8, 9] as const;

const manifest = z.looseObject({
  weightsManifest: z.tuple([
    z.looseObject({ weights: z.array(z.looseObject({ name: z.string(), shape: z.array(z.int()) })) }),
  ]),
});

const text = (version: 2 | 3): string =>
  readFileSync(new URL(`fixtures/keras-${String(version)}.json`, import.meta.url), 'utf8');

/** Weights for the manifest, the same by position in both files; variances are above zero. */
function weightsFor(json: string): Uint8Array {
  const rng = seeded('keras');
  const [{ weights }] = manifest.parse(JSON.parse(json)).weightsManifest;
  const parts = weights.map(({ name, shape }) => {
    const draws = normals(rng, sizeOf(shape));
    return name.includes('variance') ? draws.map((x) => 0.5 + Math.abs(x)) : draws.map((x) => 0.5 * x);
  });
  return Buffer.concat(parts.map(weightsToBytes));
}

const read = (json: string, bytes = weightsFor(json)): LayersModel =>
  readLayersModel({ json: Buffer.from(json), weights: new Map([['group1-shard1of1.bin', bytes]]) });

/** Of a separable convolution Keras 2 writes three fields of its base class that TensorFlow.js refuses to load. */
const loadable = (json: string): string => {
  const start = json.indexOf('"SeparableConv2D"');
  const end = json.indexOf('"inbound_nodes"', start);
  const fields = /"kernel_(initializer|regularizer|constraint)": (null|\{[^}]*\{[^}]*\}[^}]*\}),/g;
  return json.slice(0, start) + json.slice(start, end).replace(fields, '') + json.slice(end);
};

async function reference(): Promise<tf.LayersModel> {
  const json = JSON.parse(loadable(text(2))) as tf.io.ModelJSON; // TensorFlow.js checks it
  const bytes = Uint8Array.from(weightsFor(text(2)));
  return lib.loadLayersModel({
    load: () =>
      lib.io.getModelArtifactsForJSON(json, (groups) =>
        Promise.resolve([groups.flatMap(({ weights }) => weights), bytes.buffer]),
      ),
  });
}

const images = normals(seeded('keras images'), 4 * sizeOf(DIMS));

describe('a converted Keras model', () => {
  it.each([2, 3] as const)('of Keras %i has the outputs of plain TensorFlow.js', async (version) => {
    const { model, weights, activation } = read(text(version));
    expect(activation).toBe('softmax');
    expect(model.imageDims).toEqual(DIMS);
    const loaded = await reference();
    const outputs = probabilities(graphLogits(model, weights, images), 3, 'softmax');
    expect(difference(outputs, predictPlain(loaded, images, DIMS))).toBeLessThan(1e-5);
    loaded.dispose();
  });

  it('is the same model, whichever Keras wrote it', () => {
    const [old, new3] = [read(text(2)), read(text(3))];
    expect(new3.weights).toEqual(old.weights);
    expect(new3.model).toEqual(old.model);
  });

  it('gets names that say what a parameter is', () => {
    const kinds = read(text(3)).model.parameters.map(({ name, kind, trainable }) => [name, kind, trainable]);
    expect(kinds.slice(0, 8)).toEqual([
      ['stem.weight', 'kernel', true],
      ['stem_bn.scale', 'normScale', true],
      ['stem_bn.shift', 'normShift', true],
      ['stem_bn.mean', 'runningMean', false],
      ['stem_bn.variance', 'runningVariance', false],
      ['deep.weight', 'kernel', true],
      ['deep.bias', 'bias', true],
      ['separable.depthwise.weight', 'kernel', true],
    ]);
  });

  it('has the hard sigmoid of its Keras: x/5 + 1/2 before version 3, x/6 + 1/2 since', () => {
    const scores = ([2, 3] as const).map((version) => {
      const changed = text(version).replace('"activation": "sigmoid"', '"activation": "hard_sigmoid"');
      expect(changed).not.toBe(text(version));
      return read(changed).model.graph.nodes.find(({ op }) => op === 'HardSigmoid')?.attributes['alpha'];
    });
    expect(scores).toEqual([
      { kind: 'float', value: 1 / 5 },
      { kind: 'float', value: 1 / 6 },
    ]);
  });

  it('may have names of weights with the model before them and ":0" after them', () => {
    const renamed = text(2).replace(/"name": "([a-z_]+\/[a-z_]+)"/g, '"name": "model/$1:0"');
    expect(renamed).not.toBe(text(2));
    expect(read(renamed).weights).toEqual(read(text(2)).weights);
  });
});

describe('quantised weights', () => {
  /** A dense layer alone, its kernel [1, 4] stored as `dtype`. */
  const quantised = (quantization: object, kernel: Uint8Array): LayersModel => {
    const json = {
      modelTopology: {
        class_name: 'Sequential',
        config: [
          { class_name: 'Flatten', config: { name: 'f', batch_input_shape: [null, 1, 1, 1] } },
          { class_name: 'Dense', config: { name: 'd', units: 4, use_bias: false } },
        ],
      },
      weightsManifest: [
        { paths: ['w'], weights: [{ name: 'd/kernel', shape: [1, 4], dtype: 'float32', quantization }] },
      ],
    };
    return readLayersModel({ json: Buffer.from(JSON.stringify(json)), weights: new Map([['w', kernel]]) });
  };

  it('of 8 and 16 bits are scale·q + minimum', () => {
    const bytes = quantised({ dtype: 'uint8', scale: 0.5, min: -1 }, Uint8Array.of(0, 1, 2, 255));
    expect([...bytes.weights]).toEqual([-1, -0.5, 0, 126.5]);
    const words = quantised({ dtype: 'uint16', scale: 2, min: 1 }, Uint8Array.of(0, 0, 1, 0, 0, 1, 255, 255));
    expect([...words.weights]).toEqual([1, 3, 513, 131_071]);
  });

  it('of half precision have IEEE 754 values', () => {
    // 1, −2, 65504 (the largest), 2⁻²⁴ (the smallest)
    const half = quantised(
      { dtype: 'float16' },
      Uint8Array.of(0x00, 0x3c, 0x00, 0xc0, 0xff, 0x7b, 0x01, 0x00),
    );
    expect([...half.weights]).toEqual([1, -2, 65_504, 2 ** -24]);
  });
});
