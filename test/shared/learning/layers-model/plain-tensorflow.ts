/** Plain TensorFlow.js with no code of ours: the reference that writes and loads LayersModel files. */
import type * as tf from '@tensorflow/tfjs';
import { loadTensorFlow, type TensorFlow } from '../../../../shared/learning/engines/tensorflow-library.ts';
import { replay } from '../../../../shared/learning/graph/builder.ts';
import type { Model } from '../../../../shared/learning/graph/types.ts';
import type { LayersModelFiles } from '../../../../shared/learning/layers-model/read-layers-model.ts';
import type { WrittenLayersModel } from '../../../../shared/learning/layers-model/write-layers-model.ts';
import { constantTensors, interpret } from '../../../../shared/learning/engines/tensorflow-graph.ts';
import { manifestOf } from '../../../../shared/learning/weights.ts';
import { createRng, deriveSeed, type Rng } from '../../../../shared/rng.ts';

export const lib: TensorFlow = (await loadTensorFlow('tensorflow-js')).lib;

export const seeded = (...parts: readonly (string | number)[]): Rng => createRng(deriveSeed(...parts));

export const normals = (rng: Rng, length: number): Float32Array =>
  Float32Array.from({ length }, () => rng.normal());

/** Every weight of the model drawn anew, variances above zero. */
export function randomise(model: tf.LayersModel, rng: Rng): void {
  const values = model.getWeights().map((weight, index) => {
    const name = model.weights[index]?.name ?? '';
    const draws = normals(rng, weight.size).map((x) =>
      name.includes('variance') ? 0.5 + Math.abs(x) : 0.5 * x,
    );
    return lib.tensor(draws, weight.shape);
  });
  model.setWeights(values);
}

/** The files that `model.save` of TensorFlow.js makes. */
export async function savedFiles(model: tf.LayersModel): Promise<LayersModelFiles> {
  let files: LayersModelFiles | undefined;
  await model.save(
    lib.io.withSaveHandler((artifacts) => {
      const { weightData, weightSpecs, modelTopology, format, generatedBy, convertedBy } = artifacts;
      const json = {
        modelTopology,
        format,
        generatedBy,
        convertedBy,
        weightsManifest: [{ paths: ['model.weights.bin'], weights: weightSpecs }],
      };
      const bytes = new Uint8Array(lib.io.CompositeArrayBuffer.join(weightData));
      files = { json: Buffer.from(JSON.stringify(json)), weights: new Map([['model.weights.bin', bytes]]) };
      return Promise.resolve({
        modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const },
      });
    }),
  );
  if (files === undefined) throw new Error('nothing was saved');
  return files;
}

/** Loads written files as a web page would: model.json and every file that its manifest names, by a handler. */
export async function loadPlain({ files }: WrittenLayersModel): Promise<tf.LayersModel> {
  const json = JSON.parse(Buffer.from(files.get('model.json') ?? []).toString()) as tf.io.ModelJSON; // TensorFlow.js checks it
  const model = await lib.loadLayersModel({
    load: () =>
      lib.io.getModelArtifactsForJSON(json, (manifest) => {
        const parts = manifest.flatMap(({ paths }) =>
          paths.map((path) => files.get(path) ?? new Uint8Array()),
        );
        const bytes = Uint8Array.from(Buffer.concat(parts));
        return Promise.resolve([manifest.flatMap(({ weights }) => weights), bytes.buffer]);
      }),
  });
  return model;
}

/** Output of a LayersModel for `images` [N, C, H, W], flat. */
export function predictPlain(
  model: tf.LayersModel,
  images: Float32Array,
  [channels, height, width]: readonly [number, number, number],
): Float32Array {
  return lib.tidy(() => {
    const count = images.length / (channels * height * width);
    const nhwc = lib.transpose(lib.tensor4d(images, [count, channels, height, width]), [0, 2, 3, 1]);
    const output = model.predict(nhwc);
    if (Array.isArray(output)) throw new Error('one output is expected');
    return Float32Array.from(output.dataSync());
  });
}

/** Logits of our graph by TensorFlow.js' own kernels, flat. */
export function graphLogits(model: Model, weights: Float32Array, images: Float32Array): Float32Array {
  return lib.tidy(() => {
    const [channels, height, width] = model.imageDims;
    const count = images.length / (channels * height * width);
    const given: [string, tf.Tensor][] = [['images', lib.tensor4d(images, [count, channels, height, width])]];
    for (const { name, dims, offset, length } of manifestOf(model).entries)
      given.push([name, lib.tensor(weights.slice(offset, offset + length), [...dims])]);
    const inference = {
      ...model.graph,
      nodes: model.graph.nodes.map((node) =>
        node.op === 'Dropout' ? { ...node, domain: '' as const, op: 'Identity', attributes: {} } : node,
      ),
    };
    const build = replay(inference, count);
    given.push(...constantTensors(lib, build));
    return Float32Array.from(interpret(lib, build, given)('logits').dataSync());
  });
}

/** Softmax or sigmoid of logits [N, classes]. */
export function probabilities(
  logits: Float32Array,
  classes: number,
  kind: 'softmax' | 'sigmoid' | 'none',
): Float32Array {
  return lib.tidy(() => {
    const scores = lib.tensor2d(logits, [logits.length / classes, classes]);
    const outputs = {
      softmax: () => lib.softmax(scores),
      sigmoid: () => lib.sigmoid(scores),
      none: () => scores,
    };
    return Float32Array.from(outputs[kind]().dataSync());
  });
}

/** The largest difference, relative to the largest expected value or 1. */
export function difference(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length || actual.length === 0) return Infinity;
  const scale = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  return actual.reduce((most, x, i) => Math.max(most, Math.abs(x - (expected[i] ?? NaN)) / scale), 0);
}
