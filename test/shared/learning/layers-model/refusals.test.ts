/** What a LayersModel must not get away with: refused by name, in bounded time and memory. */
import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../shared/errors.ts';
import { GraphBuilder } from '../../../../shared/learning/graph/builder.ts';
import { DEFAULT_LAYERS_MODEL_LIMITS } from '../../../../shared/learning/layers-model/limits.ts';
import { readLayersModel } from '../../../../shared/learning/layers-model/read-layers-model.ts';
import { writeLayersModel } from '../../../../shared/learning/layers-model/write-layers-model.ts';
import {
  BYTES,
  convolution,
  dense,
  flatten,
  input,
  layer,
  LAYERS,
  modelJson,
  read,
  WEIGHTS,
  type LayerJson,
} from './small-layers-model.ts';

/** The layers with those of the same names replaced, and new ones added. */
const withLayers = (...changed: readonly LayerJson[]): object => {
  const known = new Map([...LAYERS, ...changed].map((each) => [each.name, each]));
  return modelJson({ layers: [...known.values()] });
};
const changedConfig = (each: LayerJson, config: object): LayerJson => ({
  ...each,
  config: { ...each.config, ...config },
});
const groups = (paths: readonly string[], weights: readonly object[] = WEIGHTS): object =>
  modelJson({ groups: [{ paths, weights }] });
const weightChange = (index: number, change: object): object =>
  groups(
    ['w.bin'],
    WEIGHTS.map((weight, i) => (i === index ? { ...weight, ...change } : weight)),
  );

const nested = (depth: number): LayerJson =>
  depth === 0
    ? convolution
    : { ...layer('Sequential', `n${String(depth)}`, ['in'], { layers: [nested(depth - 1)] }) };

it('the model of these tests is read', () => {
  const { model, activation } = read(modelJson());
  expect({ ...model, activation }).toMatchObject({
    imageDims: [1, 4, 4],
    classCount: 2,
    activation: 'softmax',
  });
});

describe('a topology is refused', () => {
  const refusals: readonly (readonly [string, object, RegExp])[] = [
    [
      'an unknown layer, by its class',
      withLayers(layer('LSTM', 'f', ['c'])),
      /Layer "f" is of the class "LSTM", which is not supported/,
    ],
    [
      'code',
      withLayers(layer('Lambda', 'f', ['c'], { function: ['4wEAAAA'] })),
      /"Lambda", which is not supported/,
    ],
    [
      'an unknown activation, by its name',
      withLayers(changedConfig(convolution, { activation: 'selu' })),
      /Layer "c" \(Conv2D\): The activation "selu"/,
    ],
    [
      'an unknown field',
      withLayers(changedConfig(convolution, { causal: true })),
      /Layer "c" \(Conv2D\).*causal/s,
    ],
    [
      'channels first',
      withLayers(changedConfig(convolution, { data_format: 'channels_first' })),
      /Layer "c".*data_format/s,
    ],
    ['half precision', withLayers(changedConfig(convolution, { dtype: 'float16' })), /Layer "c".*dtype/s],
    [
      'a negative stride',
      withLayers(changedConfig(convolution, { strides: [-1, 1] })),
      /Layer "c".*strides/s,
    ],
    [
      'a window larger than the image',
      withLayers(changedConfig(convolution, { kernel_size: [5, 5] })),
      /Layer "c"/,
    ],
    [
      'a kernel of another shape',
      withLayers(changedConfig(convolution, { filters: 3 })),
      /"c\/kernel" has the shape \[3, 3, 1, 1\]; \[3, 3, 1, 3\] is needed/,
    ],
    [
      'a call in training form',
      withLayers({ ...flatten, inbound_nodes: [[['c', 0, 0, { training: true }]]] }),
      /inputs of layer "f" are not as expected/,
    ],
    [
      'an unknown input',
      withLayers({ ...flatten, inbound_nodes: [[['x', 0, 0, {}]]] }),
      /"0:x", which nothing makes/,
    ],
    [
      'a second output of a layer',
      withLayers({ ...flatten, inbound_nodes: [[['c', 0, 1, {}]]] }),
      /inputs of layer "f"/,
    ],
    ['a cycle', withLayers({ ...convolution, inbound_nodes: [[['f', 0, 0, {}]]] }), /cycle through/],
    [
      'a second input',
      withLayers(layer('InputLayer', 'in2', [], { batch_input_shape: [null, 4, 4, 1] })),
      /second input, "in2"/,
    ],
    [
      'two outputs',
      modelJson({
        config: {
          output_layers: [
            ['d', 0, 0],
            ['f', 0, 0],
          ],
        },
      }),
      /one input and one output/,
    ],
    [
      'an output that is no layer',
      modelJson({ config: { output_layers: [['x', 0, 0]] } }),
      /no layer "x" to end in/,
    ],
    ['two layers of one name', modelJson({ layers: [...LAYERS, flatten] }), /two layers of one name/],
    ['an image at the end', modelJson({ config: { output_layers: [['c', 0, 0]] } }), /no classifier/],
    [
      'a one-dimensional input',
      withLayers(changedConfig(input, { batch_input_shape: [null, 16] })),
      /shape of the model's input/,
    ],
    [
      'an open size',
      withLayers(changedConfig(input, { batch_input_shape: [null, null, 4, 1] })),
      /give the sizes/,
    ],
    [
      'an enormous image',
      withLayers(changedConfig(input, { batch_input_shape: [null, 65_536, 65_536, 1] })),
      /values an example/,
    ],
    [
      'enormous padding',
      withLayers(
        layer('ZeroPadding2D', 'p', ['in'], { padding: 10_000 }),
        layer('Activation', 'a', ['p'], { activation: 'relu' }),
        { ...convolution, inbound_nodes: [[['a', 0, 0, {}]]] },
      ),
      /values an example/,
    ],
    ['an addition of different shapes', withLayers(layer('Add', 'f', ['c', 'in'])), /Layer "f" \(Add\)/],
    ['models too deep in one another', withLayers({ ...nested(12), name: 'c' }), /nested more than 8 deep/],
    [
      'a model that is no model',
      modelJson({ json: { modelTopology: { class_name: 'Conv2D', config: {} } } }),
      /class "Conv2D"/,
    ],
    ['a graph model', { format: 'graph-model' }, /graph model/],
    ['another format', modelJson({ json: { format: 'x' } }), /format/],
    ['an unknown top-level field', modelJson({ json: { surprise: 1 } }), /surprise/],
    ['no topology', { weightsManifest: [] }, /modelTopology/],
    [
      'metadata of ours that are not',
      modelJson({ json: { userDefinedMetadata: { consilium: {} } } }),
      /userDefinedMetadata/,
    ],
  ];
  it.each(refusals)('%s', (_, json, message) => {
    expect(() => read(json)).toThrow(message);
    expect(() => read(json)).toThrow(GraphError);
  });

  it('text that is no JSON, and bytes that are no text', () => {
    const of = (json: Uint8Array) => () => readLayersModel({ json, weights: new Map() });
    expect(of(Buffer.from('{'))).toThrow(/is no JSON/);
    expect(of(Uint8Array.of(0xff, 0xfe))).toThrow(/is no JSON/);
  });

  it('an open size unless it is given', () => {
    const json = Buffer.from(
      JSON.stringify(withLayers(changedConfig(input, { batch_input_shape: [null, null, null, 1] }))),
    );
    const files = { json, weights: new Map([['w.bin', BYTES]]) };
    expect(readLayersModel(files, { imageSize: [4, 4] }).model.imageDims).toEqual([1, 4, 4]);
  });

  it('a name that two layers could share', () => {
    const inner = {
      ...convolution,
      inbound_nodes: undefined,
      config: { ...convolution.config, name: 'b' },
      name: 'b',
    };
    const model = layer('Sequential', 'a', ['in'], { layers: [inner] });
    const twin = layer('Conv2D', 'a/b', ['a'], { filters: 1, kernel_size: [1, 1] });
    const json = modelJson({
      layers: [input, model, twin, { ...flatten, inbound_nodes: [[['a/b', 0, 0, {}]]] }, dense],
    });
    expect(() => read(json)).toThrow(/Two layers have the name "a\/b"/);
  });

  it('a model that calls itself to death: each call of a nested model counts', () => {
    const box = (name: string, inside: readonly LayerJson[], calls: number): LayerJson => ({
      ...layer('Functional', name, []),
      config: {
        name,
        layers: [layer('InputLayer', 'in', [], { batch_input_shape: [null, 4, 4, 1] }), ...inside],
        input_layers: [['in', 0, 0]],
        output_layers: [[inside[0]?.name ?? 'in', Math.max(0, calls - 1), 0]],
      },
      inbound_nodes: Array.from({ length: 100 }, (_, i) => [
        [i === 0 ? 'in' : name, Math.max(0, i - 1), 0, {}],
      ]),
    });
    const bomb = [1, 2, 3, 4, 5, 6].reduce<LayerJson>(
      (inside, depth) => box(`b${String(depth)}`, [inside], 100),
      box('b0', [], 0),
    );
    expect(() => read(withLayers(bomb, { ...convolution, inbound_nodes: [[['b6', 99, 0, {}]]] }))).toThrow(
      /more than 5000 layers/,
    );
  });
});

describe('weights are refused', () => {
  const paths = [
    '../w.bin',
    '..',
    '.',
    '/etc/passwd',
    'a/w.bin',
    'a\\w.bin',
    'C:w.bin',
    'http://host/w.bin',
    'w.bin\0',
    '.hidden',
    'w.',
    '',
  ];
  it.each(paths)('from %j', (path) => {
    expect(() => read(groups([path]))).toThrow(/must be the plain name of a file beside model.json/);
  });

  const refusals: readonly (readonly [string, object, RegExp])[] = [
    ['a missing file', groups(['v.bin']), /"v.bin" is missing/],
    ['a file twice', groups(['w.bin', 'w.bin']), /lists a file twice/],
    ['a weight twice', groups(['w.bin'], [...WEIGHTS, ...WEIGHTS]), /lists a weight twice/],
    ['too few bytes', weightChange(2, { shape: [8, 2] }), /hold 80 bytes; the manifest needs 112/],
    ['a missing weight', weightChange(1, { name: 'c/bios' }), /no weight "c\/bias"/],
    [
      'two weights of one layer',
      weightChange(0, { name: 'x/c/bias', shape: [9] }),
      /Layer "c".*no weight "c\/kernel"/,
    ],
    ['another element type', weightChange(0, { dtype: 'int32' }), /"int32"; only float32/],
    [
      'an unknown quantisation',
      weightChange(0, { quantization: { dtype: 'uint4', scale: 1, min: 0 } }),
      /quantization/,
    ],
    ['a negative size', weightChange(0, { shape: [-3, -3, 1, 1] }), /shape/],
    [
      'sizes beyond all memory',
      weightChange(0, { shape: [2 ** 31, 2 ** 31, 2 ** 31, 2 ** 31] }),
      /bytes; 536870912 are allowed/,
    ],
  ];
  it.each(refusals)('%s', (_, json, message) => {
    expect(() => read(json)).toThrow(message);
  });

  it('that are not finite', () => {
    const bytes = BYTES.slice();
    new DataView(bytes.buffer).setFloat32(9 * 4, NaN, true);
    expect(() => read(modelJson(), bytes)).toThrow(/"c\/bias" holds a value that is not finite/);
  });
});

describe('limits', () => {
  const jsonBytes = JSON.stringify(modelJson()).length;
  const cases: readonly (readonly [keyof typeof DEFAULT_LAYERS_MODEL_LIMITS, number])[] = [
    ['jsonBytes', jsonBytes],
    ['calls', 4],
    ['weights', 4],
    ['shards', 1],
    ['weightBytes', 80],
    ['valueElements', 4],
  ];
  it.each(cases)('%s: %i is enough and one less is not', (name, enough) => {
    const within = (most: number) => () =>
      read(modelJson(), BYTES, { ...DEFAULT_LAYERS_MODEL_LIMITS, [name]: most });
    expect(within(enough)).not.toThrow();
    expect(within(enough - 1)).toThrow(GraphError);
  });
});

describe('a graph that no layers compute is refused by its node', () => {
  it('an operator without a layer', () => {
    const build = new GraphBuilder('odd');
    build.input('images', ['N', 1, 2, 2]);
    const flat = build.op('Flatten', ['images']);
    build.op('Sqrt', [flat], {}, { name: 'root', outputs: ['logits'] });
    const model = {
      graph: build.build(['logits']),
      parameters: [],
      imageDims: [1, 2, 2],
      classCount: 4,
    } as const;
    const write = () =>
      writeLayersModel(model, new Float32Array(0), {
        classNames: ['a', 'b', 'c', 'd'],
        activation: 'softmax',
        preprocessing: null,
      });
    expect(write).toThrow(/Sqrt node "root" has no form in TensorFlow.js layers/);
    expect(write).toThrow(expect.objectContaining({ code: 'LAYERS_MODEL_UNSUPPORTED' }));
  });
});
