/**
 * What a model file says for those who use it, beside `consilium.model`: the temperature that was fitted on validation
 * images, and how its training images were changed at random. Both travel in the file, so that one file is enough.
 */
import { z } from 'zod';
import { GraphError } from '../../errors.ts';
import { augmentationPreset, augmentationSchema, type Augmentation } from '../augmentation/schema.ts';
import type { TemperatureFit } from '../metrics/temperature.ts';

export const CALIBRATION_KEY = 'consilium.calibration';
export const AUGMENTATION_KEY = 'consilium.augmentation';

const calibrationSchema = z.strictObject({
  /** Guo et al. 2017. */
  method: z.literal('temperature'),
  temperature: z.number().positive(),
  exampleCount: z.int().min(1),
  logLossBefore: z.number(),
  logLossAfter: z.number(),
});

export interface ModelNotes {
  /** Undefined: the model was not calibrated. */
  readonly calibration: TemperatureFit | undefined;
  /** What changed copies of an image are made with. */
  readonly augmentation: Augmentation;
}

/** Metadata entries for `writeModel`. */
export function modelNotesEntries(notes: {
  readonly calibration: TemperatureFit | undefined;
  readonly augmentation: Augmentation;
}): [key: string, value: string][] {
  const { calibration, augmentation } = notes;
  return [
    ...(calibration
      ? [
          [CALIBRATION_KEY, JSON.stringify({ method: 'temperature', ...calibration })] satisfies [
            string,
            string,
          ],
        ]
      : []),
    [AUGMENTATION_KEY, JSON.stringify(augmentation)],
  ];
}

/** @throws GraphError when an entry is there and cannot be used */
export function readModelNotes(metadata: ReadonlyMap<string, string>): ModelNotes {
  const calibration = readEntry(metadata, CALIBRATION_KEY, calibrationSchema);
  // Without the entry: what is safe for any image, since nothing is mirrored.
  const augmentation = readEntry(metadata, AUGMENTATION_KEY, augmentationSchema) ?? augmentationPreset('ct');
  if (calibration === undefined) return { calibration: undefined, augmentation };
  const { temperature, exampleCount, logLossBefore, logLossAfter } = calibration;
  return { calibration: { temperature, exampleCount, logLossBefore, logLossAfter }, augmentation };
}

function readEntry<T>(
  metadata: ReadonlyMap<string, string>,
  key: string,
  schema: z.ZodType<T>,
): T | undefined {
  const text = metadata.get(key);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GraphError(`The model file's entry "${key}" is no JSON.`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw new GraphError(
      `The model file's entry "${key}" is not as expected: ${z.prettifyError(parsed.error)}`,
      {
        cause: parsed.error,
      },
    );
  return parsed.data;
}
