/**
 * How a site trains locally: the part of a plan that is about optimisation. Both the federation plan and central
 * training embed it. Parsing fills in every default, so that a parsed recipe is complete and can be hashed.
 */
import { z } from 'zod';
import { AUGMENTATION_PRESETS, augmentationPreset, augmentationSchema } from '../augmentation/schema.ts';
import type { CompileOptions, LossKind } from '../engines/engine.ts';

const decayRate = z.number().min(0).lt(1);

const adamFields = {
  beta1: decayRate.default(0.9),
  beta2: decayRate.default(0.999),
  epsilon: z.number().positive().default(1e-8),
};

export const optimizerSchema = z.discriminatedUnion('kind', [
  /** Weight decay is an L2 penalty: it is part of the gradient. */
  z.strictObject({ kind: z.literal('adam'), ...adamFields }),
  /** Weight decay is decoupled: w ← w − learningRate·weightDecay·w beside the step. */
  z.strictObject({ kind: z.literal('adamw'), ...adamFields }),
  /** Weight decay is an L2 penalty: it is part of the gradient. */
  z.strictObject({
    kind: z.literal('sgd'),
    momentum: decayRate.default(0.9),
    nesterov: z.boolean().default(false),
  }),
]);
export type OptimizerSettings = z.infer<typeof optimizerSchema>;

export const scheduleSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('constant') }),
  /** Multiplied by `factor` after every `everyEpochs` epochs. */
  z.strictObject({
    kind: z.literal('step'),
    everyEpochs: z.number().positive(),
    factor: z.number().gt(0).lt(1).default(0.1),
  }),
  /** Falls along half a cosine, to `floorFraction` of the learning rate at the end. */
  z.strictObject({ kind: z.literal('cosine'), floorFraction: z.number().min(0).max(1).default(0) }),
  /** Multiplied by `factor` when the validation loss has not improved for more than `patienceEpochs`. */
  z.strictObject({
    kind: z.literal('plateau'),
    factor: z.number().gt(0).lt(1).default(0.3),
    patienceEpochs: z.int().min(0).default(3),
  }),
]);
export type Schedule = z.infer<typeof scheduleSchema>;

export const classWeightingSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  /** n/(k·n_c). */
  z.strictObject({ kind: z.literal('balanced') }),
  /**
   * The same of the counts of a whole federation (where there is none, of the images that are trained on); a batch weighs as
   * much as its images do, so that a site counts by its classes.
   */
  z.strictObject({ kind: z.literal('federated') }),
  /** (1−β)/(1−β^n_c), scaled to a mean of 1 over the examples. */
  z.strictObject({ kind: z.literal('effective'), beta: z.number().min(0).lt(1).default(0.999) }),
]);
export type ClassWeighting = z.infer<typeof classWeightingSchema>;

/** 'score' is the caller's own figure of merit (higher is better), 'loss' the validation loss (lower is better). */
export const metricSchema = z.enum(['score', 'loss']);
export type ValidationMetric = z.infer<typeof metricSchema>;

export const recipeSchema = z.strictObject({
  optimizer: optimizerSchema.prefault({ kind: 'adamw' }),
  /** The highest learning rate, before schedule and warm-up. */
  learningRate: z.number().positive().default(1e-3),
  schedule: scheduleSchema.prefault({ kind: 'cosine' }),
  /** Linear warm-up in front of the schedule; a fraction of an epoch is allowed. */
  warmUpEpochs: z.number().min(0).default(0),
  /** Applies to kernels only, not to biases and normalisation parameters. */
  weightDecay: z.number().min(0).default(1e-3),
  epochs: z.int().min(1).max(100_000).default(15),
  batchSize: z.int().min(1).max(4096).default(32),
  /** See `CompileOptions.labelSmoothing`. */
  labelSmoothing: z.number().min(0).lt(1).default(0),
  classWeighting: classWeightingSchema.prefault({ kind: 'none' }),
  /** τ of the log class prior that the loss adds to the logits in training (`logit-calibration.ts`); 0 is none. */
  logitCalibrationTau: z.number().min(0).max(5).default(0),
  /** τ of the adjustment of logits at evaluation (Menon et al. 2021, eq. 9); 0 is none. */
  logitAdjustmentTau: z.number().min(0).max(5).default(0),
  /** A preset's name (replaced by its settings) or settings. */
  augmentation: z
    .union([z.enum(AUGMENTATION_PRESETS).transform(augmentationPreset), augmentationSchema])
    .prefault('none'),
  /** Bound on the L2 norm of the whole gradient of a step. Absent: no bound. */
  gradientClipL2Norm: z.number().positive().optional(),
  /** Batch normalisation keeps its running statistics as they are and normalises by them. */
  frozenNormalization: z.boolean().default(false),
  /** m in running ← (1−m)·running + m·batch. */
  normalizationMomentum: z.number().gt(0).max(1).default(0.1),
  /** Stops after `patience` epochs without a better validation `metric`. Absent: all epochs are run. */
  earlyStopping: z
    .strictObject({ patience: z.int().min(1), metric: metricSchema.default('score') })
    .optional(),
  /** Which epoch's weights are kept where there is a validation set. */
  selectionMetric: metricSchema.default('score'),
});
/** Complete: every default is filled in. */
export type Recipe = z.infer<typeof recipeSchema>;
/** As written by people: everything that has a default may be left out. */
export type RecipeInput = z.input<typeof recipeSchema>;

/** The part of a recipe that an engine must know when it compiles the training step. */
export function compileOptionsOf(recipe: Recipe, loss: LossKind = 'softmax'): CompileOptions {
  return {
    batchSize: recipe.batchSize,
    loss,
    labelSmoothing: recipe.labelSmoothing,
    frozenNormalization: recipe.frozenNormalization,
  };
}
