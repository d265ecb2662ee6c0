/** A small LayersModel file as an object that tests change: convolution, flatten, dense. */
import { DEFAULT_LAYERS_MODEL_LIMITS } from '../../../../shared/learning/layers-model/limits.ts';
import { readLayersModel } from '../../../../shared/learning/layers-model/read-layers-model.ts';
import { weightsToBytes } from '../../../../shared/learning/weights.ts';

export interface LayerJson {
  class_name: string;
  name: string;
  config: Record<string, unknown>;
  inbound_nodes: unknown;
}

export const layer = (
  class_name: string,
  name: string,
  from: readonly string[],
  config: object = {},
): LayerJson => ({
  class_name,
  name,
  config: { name, ...config },
  inbound_nodes: from.length === 0 ? [] : [from.map((input) => [input, 0, 0, {}])],
});

export const input = layer('InputLayer', 'in', [], { batch_input_shape: [null, 4, 4, 1] });
export const convolution = layer('Conv2D', 'c', ['in'], {
  filters: 1,
  kernel_size: [3, 3],
  activation: 'relu',
});
export const flatten = layer('Flatten', 'f', ['c']);
export const dense = layer('Dense', 'd', ['f'], { units: 2, activation: 'softmax' });
export const LAYERS = [input, convolution, flatten, dense];

export const WEIGHTS = [
  { name: 'c/kernel', shape: [3, 3, 1, 1], dtype: 'float32' },
  { name: 'c/bias', shape: [1], dtype: 'float32' },
  { name: 'd/kernel', shape: [4, 2], dtype: 'float32' },
  { name: 'd/bias', shape: [2], dtype: 'float32' },
];
export const BYTES = weightsToBytes(Float32Array.from({ length: 9 + 1 + 8 + 2 }, (_, i) => i / 10));

export interface Changes {
  readonly layers?: readonly unknown[];
  readonly config?: object;
  readonly groups?: readonly unknown[];
  readonly json?: object;
}

export const modelJson = (changes: Changes = {}): object => ({
  format: 'layers-model',
  modelTopology: {
    class_name: 'Functional',
    config: {
      name: 'm',
      layers: changes.layers ?? LAYERS,
      input_layers: [['in', 0, 0]],
      output_layers: [['d', 0, 0]],
      ...changes.config,
    },
  },
  weightsManifest: changes.groups ?? [{ paths: ['w.bin'], weights: WEIGHTS }],
  ...changes.json,
});

export const read = (json: unknown, bytes: Uint8Array = BYTES, limits = DEFAULT_LAYERS_MODEL_LIMITS) =>
  readLayersModel(
    { json: Buffer.from(JSON.stringify(json)), weights: new Map([['w.bin', bytes]]) },
    { limits },
  );
