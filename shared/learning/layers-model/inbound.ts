/**
 * Where a layer of a functional model takes its inputs from, as Keras writes it in `inbound_nodes`: one entry a call of
 * the layer. Keras 2 and TensorFlow.js list `[layer, call, output, kwargs]`; Keras 3 lists `{ args, kwargs }` with tensors
 * that name their history.
 */
import { z } from 'zod';
import { GraphError } from '../../errors.ts';
import { quoted } from '../graph/onnx-limits.ts';
import { firstIssues } from './model-json.ts';

const name = z.string().min(1).max(500);
const index = z.int().min(0).max(100_000);

/** `training: false` is how a frozen base is called; a layer that stays in training form would be another model. */
const kwargs = z.strictObject({
  training: z.literal(false).nullish(),
  mask: z.union([z.null(), z.array(z.null())]).optional(),
});

const history = z.tuple([name, index, z.literal(0)]);
const keras2Input = z.union([
  z.tuple([name, index, z.literal(0), kwargs]).transform(([layer, call]) => ({ layer, call })),
  history.transform(([layer, call]) => ({ layer, call })),
]);
const keras3Tensor = z
  .object({ class_name: z.literal('__keras_tensor__'), config: z.object({ keras_history: history }) })
  .transform(({ config: { keras_history } }) => ({ layer: keras_history[0], call: keras_history[1] }));
const keras3Call = z
  .strictObject({ args: z.tuple([z.union([keras3Tensor, z.array(keras3Tensor)])]), kwargs })
  .transform(({ args: [inputs] }) => (Array.isArray(inputs) ? inputs : [inputs]));

const inboundNodes = z.array(z.union([z.array(keras2Input), keras3Call])).max(100_000);

/** The output of a call of a layer. */
export interface CallRef {
  readonly layer: string;
  readonly call: number;
}

/** The inputs of each call. @throws GraphError when they are not as expected */
export function parseInbound(value: unknown, where: string): readonly (readonly CallRef[])[] {
  const parsed = inboundNodes.safeParse(value ?? []);
  if (!parsed.success)
    throw new GraphError(
      `The inputs of layer ${quoted(where)} are not as expected (outputs other than the first, and calls in training form, are not supported): ${firstIssues(parsed.error)}`,
      { cause: parsed.error },
    );
  return parsed.data;
}

const ends = z.union([history.transform((end) => [end]), z.array(history).min(1).max(100)]);

/** `input_layers` or `output_layers` of a model: Keras 3 writes a single one without a list around it. */
export const modelEnds = ends.transform((list) => list.map(([layer, call]): CallRef => ({ layer, call })));
