/** Everything that a simulation can be told. Parsing fills in the defaults, so that config.json says all of it. */
import { z } from 'zod';
import { InputError, messageOf } from '../shared/errors.ts';
import { preprocessingSchema } from '../shared/data/preprocessing-schema.ts';
import { architectureSchema } from '../shared/learning/architectures/architecture.ts';
import { ENGINE_NAMES } from '../shared/learning/engines/engine.ts';
import { recipeSchema, type RecipeInput } from '../shared/learning/training/recipe.ts';
import { transferConflict, transferRulesSchema } from '../shared/protocol/initial-model.ts';
import { runStoppingSchema } from '../shared/protocol/plan.ts';
import { protectionSchema, type ProtectionMode } from '../shared/protocol/protection.ts';
import { optimizerConflict, strategySchema } from '../shared/protocol/strategy.ts';
import { fineTuningSchema } from '../client/training/personalise.ts';
import { faultScenarioSchema } from './faults/scenario.ts';
import { parsePartition, partitionSchema } from './partition/schemes.ts';

/** As on the command line. */
function partitionOf(text: string, context: z.RefinementCtx): z.infer<typeof partitionSchema> {
  try {
    return parsePartition(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) });
    return z.NEVER;
  }
}

export const DEFAULT_TRAINING: RecipeInput = { schedule: { kind: 'cosine', floorFraction: 0.1 } };

/** A mode with its defaults, or settings. */
const simulatedProtection = z
  .custom<ProtectionMode | z.input<typeof protectionSchema>>()
  .transform((value) => (typeof value === 'string' ? { mode: value } : value))
  .pipe(protectionSchema);

const fieldsSchema = z.strictObject({
  /** As `openDataset` takes it. */
  dataset: z.string().min(1).default('phantoms'),
  /** A local copy of what the dataset's name would download. */
  file: z.string().min(1).optional(),
  /** Phantoms: how many images in all. */
  images: z.int().min(50).max(1_000_000).default(3000),
  sites: z.int().min(1).max(1000).default(5),
  /** Absent: the sites that the images name where they are phantoms, otherwise Dirichlet(0.5). */
  partition: z.union([partitionSchema, z.string().transform(partitionOf)]).optional(),
  /** Training images that each site has at least. */
  minimumPerSite: z.int().min(1).default(10),
  rounds: z.int().min(1).max(100_000).default(10),
  /** Replaces `training.epochs`: local epochs in a round. */
  epochs: z.int().min(1).max(1000).default(3),
  /** Training steps of each site in a round, in the place of epochs; see the plan. */
  localSteps: z.int().min(1).max(1_000_000).optional(),
  architecture: architectureSchema.prefault({ name: 'cnn', options: { normalization: 'group' } }),
  /** A model file to start from, in the place of the architecture. */
  initialModel: z
    .strictObject({
      ...transferRulesSchema.shape,
      /** An ONNX file. */
      file: z.string().min(1),
    })
    .optional(),
  preprocessing: preprocessingSchema.prefault({}),
  training: recipeSchema.prefault(DEFAULT_TRAINING),
  strategy: strategySchema.prefault('fedavg'),
  /** See the plan. */
  maximumUpdateL2Norm: z.number().positive().optional(),
  /** See the plan. */
  earlyStopping: runStoppingSchema.optional(),
  /** See the plan. */
  protection: simulatedProtection.prefault('secure-aggregation'),
  /** Share of its images that each site does not train on but judges every global model with. */
  localValidation: z.number().min(0).max(0.5).default(0),
  /** What goes wrong on purpose. */
  faults: faultScenarioSchema.optional(),
  engine: z.enum(ENGINE_NAMES).default('onnx'),
  workers: z.int().min(1).max(256).default(2),
  seed: z.int().min(0).max(0x7fff_ffff),
  /** What the federation is compared with. */
  compare: z.array(z.enum(['local', 'pooled', 'finetuned'])).default(['local', 'pooled']),
  /** How the pooled and the local models are trained. Absent: as the sites train, for as many steps in all. */
  comparisonTraining: recipeSchema.optional(),
  /** How each site goes on training the finished global model where 'finetuned' is compared. */
  fineTuning: fineTuningSchema.prefault({}),
  /** Resamples behind each 95 % interval. */
  bootstrapReplicates: z.int().min(100).max(100_000).default(1000),
});

export const simulationConfigSchema = fieldsSchema.superRefine(({ strategy, training, ...rest }, context) => {
  const { partition, dataset } = rest;
  if (partition?.kind === 'natural' && /^medmnist:/.test(dataset))
    context.addIssue({
      code: 'custom',
      path: ['partition'],
      message: `natural needs data that say which site an image is from, and ${dataset} do not: choose another`,
    });
  const contradiction = rest.initialModel && transferConflict(rest.initialModel, rest.rounds);
  if (contradiction !== undefined)
    context.addIssue({ code: 'custom', path: ['initialModel'], message: contradiction });
  const message = optimizerConflict(strategy, training.optimizer);
  if (message !== undefined) context.addIssue({ code: 'custom', path: ['strategy'], message });
});
/** Complete. */
export type SimulationConfig = z.infer<typeof simulationConfigSchema>;
/** Only the seed must be given. */
export type SimulationInput = z.input<typeof simulationConfigSchema>;

/** @throws InputError naming the field and what is wrong with it */
export function parseSimulation(input: unknown): SimulationConfig {
  const parsed = simulationConfigSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || 'config'}: ${issue.message}`,
  );
  throw new InputError(`the simulation cannot run: ${problems.join('; ')}`);
}
