/** Local training on the command line: flags for single settings, which win over a configuration file's. */
import { z } from 'zod';
import { InputError } from '../shared/errors.ts';
import {
  classWeightingSchema,
  optimizerSchema,
  type ClassWeighting,
  type OptimizerSettings,
  type RecipeInput,
} from '../shared/learning/training/recipe.ts';

/** The settings of local training that have a flag of their own, by the flag's name. */
export interface TrainingFlags {
  /** As `parseOptimizer` takes it. */
  readonly optimizer?: string;
  readonly learningRate?: number;
  readonly batchSize?: number;
  /** τ of the log class prior of the site's own images that the loss adds to the logits. */
  readonly logitCalibration?: number;
  /** One of CLASS_WEIGHTINGS. */
  readonly classWeighting?: string;
  /** τ of the adjustment of the finished model for the federation's class prior. */
  readonly logitAdjustment?: number;
}

export const OPTIMIZER_FORMS = ['adamw', 'adam', 'sgd[:momentum]'];

/** "sgd:0.9" → the optimiser. @throws InputError listing the forms. */
export function parseOptimizer(text: string): OptimizerSettings {
  const [kind = '', momentum, ...more] = text.split(':');
  const settings = momentum === undefined ? { kind } : { kind, momentum: Number(momentum) };
  const parsed = optimizerSchema.safeParse(settings);
  if (parsed.success && more.length === 0) return parsed.data;
  throw new InputError(
    `optimizer "${text}" is not known or out of range; choose ${OPTIMIZER_FORMS.join(', ')}`,
  );
}

export const CLASS_WEIGHTINGS = classWeightingSchema.options.map(({ shape }) => shape.kind.value);

/** @throws InputError listing the names */
export function parseClassWeighting(name: string): ClassWeighting {
  const parsed = classWeightingSchema.safeParse({ kind: name });
  if (parsed.success) return parsed.data;
  throw new InputError(`class weighting "${name}" is not known; choose ${CLASS_WEIGHTINGS.join(', ')}`);
}

/** A file's training settings, as far as a flag may stand beside them. */
const settingsSchema = z.record(z.string(), z.unknown());

/**
 * The settings with those of the flags in their place; undefined when there are neither.
 * @param settings what a file or a strategy's default says; left to the schema when no flag changes it
 * @param defaults what flags change where there are no settings
 */
export function withTrainingFlags(settings: unknown, flags: TrainingFlags, defaults: RecipeInput): unknown {
  const { optimizer, learningRate, batchSize, logitCalibration, classWeighting, logitAdjustment } = flags;
  const changes: RecipeInput = {
    ...(optimizer !== undefined && { optimizer: parseOptimizer(optimizer) }),
    ...(learningRate !== undefined && { learningRate }),
    ...(batchSize !== undefined && { batchSize }),
    ...(logitCalibration !== undefined && { logitCalibrationTau: logitCalibration }),
    ...(classWeighting !== undefined && { classWeighting: parseClassWeighting(classWeighting) }),
    ...(logitAdjustment !== undefined && { logitAdjustmentTau: logitAdjustment }),
  };
  if (Object.keys(changes).length === 0) return settings;
  const known = settingsSchema.safeParse(settings ?? defaults);
  return known.success ? { ...known.data, ...changes } : settings;
}
