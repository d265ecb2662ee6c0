/** Flags of `consilium train`, and the request that they make. */
import { availableParallelism } from 'node:os';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import { parseFlags } from './options.ts';
import { InputError } from '../../shared/errors.ts';
import { preprocessingSchema } from '../../shared/data/preprocessing-schema.ts';
import { ARCHITECTURE_NAMES } from '../../shared/learning/architectures/architecture.ts';
import { AUGMENTATION_PRESETS } from '../../shared/learning/augmentation/schema.ts';
import { ENGINE_NAMES } from '../../shared/learning/engines/engine.ts';
import type { RecipeInput } from '../../shared/learning/training/recipe.ts';
import { DATASET_FORMS } from '../datasets/open-dataset.ts';
import type { TransferRequest } from '../train/initial-model.ts';
import { NORMALIZATIONS } from '../train/presets.ts';
import { SELECTIONS } from '../train/selection.ts';
import { DEFAULT_REPLICATES, DEFAULT_SPLIT, type TrainRequest } from '../train/train-request.ts';

/** What commander hands over; ranges are checked here, so that a message names the flag. */
const optionsSchema = z.object({
  dataset: z.string().min(1),
  file: z.string().min(1).optional(),
  images: z.int().min(50).max(1_000_000).optional(),
  size: z.int().min(16).max(512).optional(),
  limitPerClass: z.int().min(1).optional(),
  testFraction: z.number().gt(0).lt(1),
  validationFraction: z.number().gt(0).lt(1),
  splitSeed: z.int().min(0),
  model: z.enum(ARCHITECTURE_NAMES).optional(),
  init: z.string().min(1).optional(),
  freeze: z.array(z.string().min(1)).default([]),
  unfreezeAt: z
    .string()
    .regex(/^epoch:[1-9]\d{0,5}$/, 'expected epoch:N, for example epoch:5')
    .optional(),
  bodyLr: z.number().positive().max(100).optional(),
  freezeNormalization: z.boolean().default(false),
  normalization: z.enum(NORMALIZATIONS).optional(),
  dropout: z.number().min(0).max(0.95).optional(),
  epochs: z.int().min(1).max(100_000).optional(),
  batchSize: z.int().min(1).max(4096).optional(),
  learningRate: z.number().positive().optional(),
  weightDecay: z.number().min(0).optional(),
  labelSmoothing: z.number().min(0).lt(1).optional(),
  augmentation: z.enum(AUGMENTATION_PRESETS).optional(),
  classWeights: z.enum(['none', 'balanced', 'effective']).optional(),
  logitAdjustment: z.number().min(0).max(5).optional(),
  patience: z.int().min(1).optional(),
  select: z.enum(SELECTIONS).optional(),
  intensity: z.enum(['unit', 'zscore', 'percentile']).optional(),
  seed: z.int().min(0).max(0x7fff_ffff),
  seeds: z.int().min(1).max(1000),
  engine: z.enum(['auto', ...ENGINE_NAMES]),
  workers: z.int().min(1).max(256),
  out: z.string().min(1).optional(),
  force: z.boolean().default(false),
  json: z.boolean().default(false),
  quiet: z.boolean().default(false),
});
export type TrainOptions = z.infer<typeof optionsSchema>;

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('A number is needed.');
  return value;
}

const choice = (flags: string, text: string, choices: readonly string[]): Option =>
  new Option(flags, text).choices(choices);

/** Adds the flags to a command. */
export function addTrainOptions(command: Command): Command {
  addDataOptions(command);
  addRecipeOptions(command);
  return command
    .option('--seed <number>', 'first seed; the same seed repeats a training exactly', number, 0)
    .option('--seeds <count>', 'trainings with seeds one after the other', number, 1)
    .addOption(choice('--engine <name>', 'what computes', ['auto', ...ENGINE_NAMES]).default('onnx'))
    .option('--workers <count>', 'trainings at the same time', number, availableParallelism())
    .option('--out <folder>', 'where results go (default: a new folder below runs/)')
    .option('--force', 'replace the files of an earlier training in that folder')
    .option('--json', 'print the results as JSON')
    .option('--quiet', 'no progress');
}

function addDataOptions(command: Command): void {
  command
    .option('--dataset <name>', `images: ${DATASET_FORMS.join(', ')}`, 'phantoms')
    .option('--file <path>', 'a local copy of what a medmnist: set would download')
    .option('--images <count>', 'phantoms: how many images', number)
    .option('--size <pixels>', 'phantoms and image files: side of the square images', number)
    .option('--limit-per-class <count>', 'class folders: at most so many images of each class', number)
    .option(
      '--test-fraction <share>',
      'of all images, where the data bring no test part',
      number,
      DEFAULT_SPLIT.testFraction,
    )
    .option(
      '--validation-fraction <share>',
      'of the rest, where the data bring no validation part',
      number,
      DEFAULT_SPLIT.validationFraction,
    )
    .option('--split-seed <number>', 'of the split by patients', number, DEFAULT_SPLIT.seed)
    .addOption(choice('--intensity <kind>', 'scale of the pixel values', ['unit', 'zscore', 'percentile']));
}

/** Without a default here: the default depends on the images (presets.ts). */
function addRecipeOptions(command: Command): void {
  command
    .addOption(choice('--model <name>', 'architecture', ARCHITECTURE_NAMES))
    .option(
      '--init <file>',
      'start from this ONNX model (or model.json of TensorFlow.js/Keras); its head is replaced for the classes of the images',
    )
    .option('--freeze <patterns...>', 'parameters of it that keep their values, for example features.*')
    .option('--unfreeze-at <epoch:N>', 'from this epoch on nothing is frozen')
    .option('--body-lr <factor>', 'factor on the learning rate of everything but the head', number)
    .option('--freeze-normalization', 'batch normalisation keeps its running statistics')
    .addOption(choice('--normalization <kind>', 'normalisation layers', NORMALIZATIONS))
    .option('--dropout <share>', 'dropped before the last layer', number)
    .option('--epochs <count>', 'passes over the training images', number)
    .option('--batch-size <count>', 'images in a step', number)
    .option('--learning-rate <rate>', 'highest learning rate', number)
    .option('--weight-decay <factor>', 'decoupled weight decay', number)
    .option('--label-smoothing <share>', 'share of a label that is spread over all classes', number)
    .addOption(choice('--augmentation <preset>', 'random changes of training images', AUGMENTATION_PRESETS))
    .addOption(
      choice('--class-weights <kind>', 'weights of classes in the loss', ['none', 'balanced', 'effective']),
    )
    .option('--logit-adjustment <tau>', 'adjustment of the outputs for the frequency of classes', number)
    .option('--patience <epochs>', 'stop after so many epochs without a better validation score', number)
    .addOption(choice('--select <metric>', 'validation metric by which an epoch is kept', SELECTIONS));
}

/** @throws InputError naming the flag and what it takes */
export function parseTrainOptions(raw: unknown): TrainOptions {
  return parseFlags(optionsSchema, raw);
}

/** Without the entries that are undefined. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  // Object.fromEntries forgets the names; the entries are those of `values`.
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function recipeOf(options: TrainOptions): RecipeInput {
  const { epochs, batchSize, learningRate, weightDecay, labelSmoothing, augmentation } = options;
  const { classWeights, logitAdjustment, patience } = options;
  return given({
    ...{ epochs, batchSize, learningRate, weightDecay, labelSmoothing, augmentation },
    classWeighting: classWeights === undefined ? undefined : { kind: classWeights },
    logitAdjustmentTau: logitAdjustment,
    frozenNormalization: options.freezeNormalization ? true : undefined,
    earlyStopping: patience === undefined ? undefined : { patience },
  });
}

/** @throws InputError when a flag is given that needs --init, or that --init makes meaningless */
function transferOf(options: TrainOptions): TransferRequest | undefined {
  const { init: file, freeze, unfreezeAt, bodyLr } = options;
  if (file === undefined) {
    if (freeze.length > 0 || unfreezeAt !== undefined || bodyLr !== undefined)
      throw new InputError('--freeze, --unfreeze-at and --body-lr need --init');
    return undefined;
  }
  const { model, normalization, dropout } = options;
  if (model !== undefined || normalization !== undefined || dropout !== undefined)
    throw new InputError('--model, --normalization and --dropout have no meaning with --init');
  if (unfreezeAt !== undefined && freeze.length === 0)
    throw new InputError('--unfreeze-at needs --freeze: nothing is frozen');
  const unfreezeAtEpoch = unfreezeAt === undefined ? undefined : Number(unfreezeAt.slice('epoch:'.length));
  return { file, freeze, ...given({ unfreezeAtEpoch }), bodyRateFactor: bodyLr ?? 1 };
}

export function trainRequestOf(options: TrainOptions): TrainRequest {
  const { dataset, file, images, size, limitPerClass, model, normalization, dropout } = options;
  const { testFraction, validationFraction, splitSeed, engine, workers, select, intensity } = options;
  return {
    source: { dataset, ...given({ file, images, size, limitPerClass }) },
    split: { testFraction, validationFraction, seed: splitSeed },
    seeds: Array.from({ length: options.seeds }, (_, i) => options.seed + i),
    engine,
    workers,
    bootstrapReplicates: DEFAULT_REPLICATES,
    architecture: given({ name: model, normalization, dropout }),
    recipe: recipeOf(options),
    ...given({ transfer: transferOf(options) }),
    ...(select && { selection: select }),
    ...(intensity && { preprocessing: preprocessingSchema.parse({ intensity: { kind: intensity } }) }),
  };
}
