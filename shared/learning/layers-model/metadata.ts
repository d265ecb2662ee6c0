/**
 * What a LayersModel cannot say itself: class names and preprocessing, in the `userDefinedMetadata` of model.json under
 * the name of this program. TensorFlow.js keeps such metadata and does not look into them.
 */
import { z } from 'zod';
import { GraphError } from '../../errors.ts';
import { firstIssues } from './model-json.ts';

const schema = z.strictObject({
  format: z.literal(1),
  /** One for each score, in their order. */
  classNames: z.array(z.string().min(1)).min(1),
  /** The layer before the last, whose output are the logits. */
  logitsLayer: z.string().min(1),
  /** What turns an image file into the input; whoever reads it parses it with the preprocessing schema. */
  preprocessing: z.json(),
  /** Where the model comes from. */
  notes: z.record(z.string(), z.string()),
});
export type LayersModelMetadata = z.infer<typeof schema>;

const envelope = z.object({ consilium: z.unknown() });

/** @throws GraphError when metadata of this program are there and not as expected */
export function metadataOf(userDefined: unknown): LayersModelMetadata | undefined {
  const found = envelope.safeParse(userDefined);
  if (!found.success || found.data.consilium === undefined) return undefined;
  const parsed = schema.safeParse(found.data.consilium);
  if (!parsed.success)
    throw new GraphError(
      `userDefinedMetadata.consilium of model.json is not as expected: ${firstIssues(parsed.error)}`,
      {
        cause: parsed.error,
      },
    );
  return parsed.data;
}
