/** How images are prepared, as a plan says it. */
import { z } from 'zod';

/** 'pad': the whole image, black bars; 'crop': the centre, nothing black. */
export const fitSchema = z.enum(['pad', 'crop']);
export type Fit = z.infer<typeof fitSchema>;

const sideSchema = z.int().min(8).max(1024);
const perChannel = z.array(z.number()).min(1).max(3);

export const intensitySchema = z.discriminatedUnion('kind', [
  /** 0…1 over the stored range (0…255 or 0…65535). */
  z.strictObject({ kind: z.literal('unit') }),
  /** Mean 0, standard deviation 1: each image by its own, or all by those of the training part. */
  z.strictObject({
    kind: z.literal('zscore'),
    scope: z.enum(['image', 'dataset']).default('dataset'),
    /** A channel, on the 0…1 scale. Absent with scope 'dataset': measured on the training part. */
    mean: perChannel.optional(),
    stdDev: perChannel.optional(),
  }),
  /** 0…1 between two percentiles of each image; what lies outside is clipped. */
  z
    .strictObject({
      kind: z.literal('percentile'),
      low: z.number().min(0).max(100).default(1),
      high: z.number().min(0).max(100).default(99),
    })
    .refine(({ low, high }) => low < high, { message: 'low must be below high' }),
]);

export const preprocessingSchema = z.strictObject({
  /** Of the model's input. Absent: as stored. */
  size: z.strictObject({ height: sideSchema, width: sideSchema }).optional(),
  fit: fitSchema.default('pad'),
  intensity: intensitySchema.default({ kind: 'unit' }),
  clahe: z
    .strictObject({
      tiles: z.int().min(1).max(16).default(8),
      clipLimit: z.number().min(1).max(100).default(2),
    })
    .optional(),
});
export type PreprocessingOptions = z.infer<typeof preprocessingSchema>;
export type IntensityOptions = z.infer<typeof intensitySchema>;

export const DEFAULT_PREPROCESSING: PreprocessingOptions = preprocessingSchema.parse({});
