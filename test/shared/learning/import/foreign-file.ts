/** Small files as other programs write them, what ONNX Runtime computes with them, and what our import of them does. */
import * as ort from 'onnxruntime-node';
import { expect } from 'vitest';
import type { Engine } from '../../../../shared/learning/engines/engine.ts';
import { GraphError } from '../../../../shared/errors.ts';
import {
  importModel,
  type ImportedModel,
  type ImportModelOptions,
} from '../../../../shared/learning/import/import-model.ts';
import { initialWeights, sizeOf } from '../../../../shared/learning/weights.ts';
import { createRng, deriveSeed } from '../../../../shared/rng.ts';
import { encodeReference, model, node, valueInfo, type Fields } from '../../../reference/onnx-proto.ts';
import { at } from '../../../reference/tensor64.ts';

/** Images of most tests: 2 channels, 4 rows, 6 columns. */
export const IMAGE = [2, 4, 6] as const;

export function floats(name: string, dims: readonly number[], values?: readonly number[]): Fields {
  const rng = createRng(deriveSeed('foreign', name));
  const data = values ?? Array.from({ length: sizeOf(dims) }, () => rng.normal());
  return { name, dims, data_type: 1, float_data: data };
}

export const longs = (name: string, values: readonly number[], dims?: readonly number[]): Fields => ({
  name,
  dims: dims ?? [values.length],
  data_type: 7,
  raw_data: new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer),
});

/** Attributes in onnx.proto's terms, kind by the value. */
export const attributes = (
  values: Readonly<Record<string, number | string | readonly number[]>>,
): Fields => ({
  attribute: Object.entries(values).map(([name, value]) => {
    if (typeof value === 'number')
      return Number.isInteger(value) ? { name, type: 2, i: value } : { name, type: 1, f: value };
    if (typeof value === 'string') return { name, type: 3, s: Buffer.from(value) };
    return { name, type: 7, ints: value };
  }),
});

export interface ForeignFile {
  readonly nodes: readonly Fields[];
  readonly initializers?: readonly Fields[];
  readonly opset?: number;
  /** Of the input `x`. Default: ['N', 2, 4, 6]. */
  readonly input?: readonly (number | string)[];
}

/** A model from `x` to `y`. */
export function foreignFile({
  nodes,
  initializers = [],
  opset = 17,
  input = ['N', ...IMAGE],
}: ForeignFile): Uint8Array {
  const graph = {
    node: nodes,
    initializer: initializers,
    input: [valueInfo('x', input)],
    output: [{ name: 'y', type: { tensor_type: { elem_type: 1 } } }],
  };
  return encodeReference(model(graph, { ir_version: 7, opset_import: [{ domain: '', version: opset }] }));
}

/** Ends a model whose value `name` [N, …] has `size` values an example: flattened, then three linear logits. */
export const dense = (name: string, size: number): Required<Pick<ForeignFile, 'nodes' | 'initializers'>> => ({
  nodes: [
    node('Flatten', [name], ['flat'], attributes({ axis: 1 })),
    node('Gemm', ['flat', 'head.w', 'head.b'], ['y']),
  ],
  initializers: [floats('head.w', [size, 3]), floats('head.b', [3])],
});

/** The first output of the file itself in ONNX Runtime. */
async function runForeign(
  bytes: Uint8Array,
  images: Float32Array,
  dims: readonly number[],
): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  try {
    const name = session.inputNames[0] ?? '';
    const results = await session.run({ [name]: new ort.Tensor('float32', images, [...dims]) });
    const data = results[session.outputNames[0] ?? '']?.data;
    if (!(data instanceof Float32Array)) throw new Error('the file has no float32 output');
    return data.slice();
  } finally {
    await session.release();
  }
}

/** Our import gives the logits of the file itself, for one image and for several. */
export async function expectSameLogits(
  engine: Engine,
  bytes: Uint8Array,
  options: ImportModelOptions & { readonly fileBatch?: number } = {},
): Promise<ImportedModel> {
  const imported = importModel(bytes, options);
  const { model: ours } = imported;
  const count = options.fileBatch ?? 3;
  const dims = [count, ...ours.imageDims];
  const rng = createRng(deriveSeed('images'));
  const images = Float32Array.from({ length: sizeOf(dims) }, () => rng.normal());
  const expected = await runForeign(bytes, images, dims);
  for (const batchSize of [1, 2]) {
    const compiled = await engine.compile(ours, { batchSize, loss: 'softmax' });
    try {
      const actual = await compiled.predict(initialWeights(ours, 0), images);
      expect(actual.length).toBe(expected.length);
      expected.forEach((value, i) => {
        expect(at(actual, i)).toBeCloseTo(value, 4);
      });
    } finally {
      await compiled.dispose();
    }
  }
  return imported;
}

/** The message of the GraphError that importing gives. */
export function refusalOf(bytes: Uint8Array, options: ImportModelOptions = {}): string {
  try {
    importModel(bytes, options);
  } catch (error) {
    if (error instanceof GraphError) return error.message;
    throw error;
  }
  return 'was imported';
}
