/**
 * `model.json` of a TensorFlow.js LayersModel: the outer file, written by TensorFlow.js (`model.save`) or by its Keras
 * converter. The topology inside is Keras' own description of the model, of Keras 2 or 3; topology.ts reads it.
 */
import { z } from 'zod';
import { GraphError } from '../../errors.ts';
import type { LayersModelLimits } from './limits.ts';

const size = z.int().min(0);

/** TensorFlow.js quantisation: 8 or 16 bits with scale and minimum, or half precision. */
const quantization = z.union([
  z.strictObject({
    dtype: z.enum(['uint8', 'uint16']),
    scale: z.number(),
    min: z.number(),
    original_dtype: z.literal('float32').optional(),
  }),
  z.strictObject({ dtype: z.literal('float16'), original_dtype: z.literal('float32').optional() }),
]);

const weightEntry = z.strictObject({
  name: z.string().min(1).max(1000),
  shape: z.array(size).max(8),
  dtype: z.string(),
  group: z.string().optional(),
  quantization: quantization.optional(),
});
export type WeightEntry = z.infer<typeof weightEntry>;

const weightGroup = z.strictObject({ paths: z.array(z.string()), weights: z.array(weightEntry) });
export type WeightGroup = z.infer<typeof weightGroup>;

/** What a model or layer is: its class and the configuration of that class, which topology.ts checks. */
const described = z.strictObject({
  class_name: z.string().max(200),
  config: z.unknown(),
  name: z.string().optional(),
  keras_version: z.string().optional(),
  backend: z.string().optional(),
  module: z.string().nullish(),
  registered_name: z.string().nullish(),
  build_config: z.unknown().optional(),
  compile_config: z.unknown().optional(),
});
export type Described = z.infer<typeof described>;

const topology = z.union([
  described,
  z
    .strictObject({
      keras_version: z.string().optional(),
      backend: z.string().optional(),
      model_config: described,
      training_config: z.unknown().optional(),
    })
    .transform(({ model_config, keras_version }) => ({
      ...model_config,
      keras_version: keras_version ?? model_config.keras_version,
    })),
]);

const modelJson = z.strictObject({
  format: z.literal('layers-model').nullish(),
  generatedBy: z.string().nullish(),
  convertedBy: z.string().nullish(),
  modelTopology: topology,
  weightsManifest: z.array(weightGroup),
  trainingConfig: z.unknown().optional(),
  userDefinedMetadata: z.unknown().optional(),
});
export type ModelJson = z.infer<typeof modelJson>;

const graphModel = z.object({ format: z.literal('graph-model') });

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GraphError('model.json is no JSON; give the file that TensorFlow.js wrote.', { cause });
  }
}

/**
 * @param bytes the file, in UTF-8
 * @throws GraphError when it is no LayersModel, with the first fields that are not as expected
 */
export function parseModelJson(bytes: Uint8Array, limits: LayersModelLimits): ModelJson {
  if (bytes.length > limits.jsonBytes)
    throw new GraphError(
      `model.json has ${String(bytes.length)} bytes; ${String(limits.jsonBytes)} are allowed.`,
    );
  const value = parseText(new TextDecoder().decode(bytes));
  if (graphModel.safeParse(value).success)
    throw new GraphError(
      'model.json is a TensorFlow.js graph model, which cannot be trained further; convert the Keras model with --output_format=tfjs_layers_model.',
    );
  const parsed = modelJson.safeParse(value);
  if (!parsed.success)
    throw new GraphError(`model.json is not as expected: ${firstIssues(parsed.error)}`, {
      cause: parsed.error,
    });
  return parsed.data;
}

/** The first issues in a few lines: a hostile file may have as many as it has fields. */
export function firstIssues(error: z.ZodError): string {
  return z.prettifyError(new z.ZodError(error.issues.slice(0, 3))).slice(0, 600);
}
