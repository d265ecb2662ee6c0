/**
 * The plan: everything that defines a training. A site approves a plan by its hash, so nothing that changes the
 * training may stand elsewhere. Unknown keys are errors. Free of what only a server has, so that an editor in a browser
 * checks what is typed with these very schemas.
 */
import { z } from 'zod';
import { preprocessingSchema } from '../data/preprocessing-schema.ts';
import { architectureSchema } from '../learning/architectures/schema.ts';
import { recipeSchema } from '../learning/training/recipe.ts';
import { initialModelConflict, initialModelSchema, MAX_PARAMETERS } from './initial-model.ts';
import { protectionConflict, protectionSchema } from './protection.ts';
import { optimizerConflict, strategySchema } from './strategy.ts';
import { PROTOCOL_VERSION } from './version.ts';

/** A millisecond span that a person would choose for a phase: a tenth of a second to a week. */
const deadlineMs = z.int().min(100).max(604_800_000);

export const taskSchema = z.strictObject({
  name: z.string().min(1).max(200),
  classNames: z.array(z.string().min(1).max(200)).min(2).max(1000),
  /** [channels, height, width] after preprocessing. */
  imageDims: z.tuple([
    z.union([z.literal(1), z.literal(3)]),
    z.int().min(8).max(4096),
    z.int().min(8).max(4096),
  ]),
});

/** Stops a run after `patience` rounds whose validation score was not better by `minimumImprovement`. */
export const runStoppingSchema = z.strictObject({
  patience: z.int().min(1),
  minimumImprovement: z.number().min(0).max(1).default(0),
});

export const federationSchema = z
  .strictObject({
    strategy: strategySchema,
    rounds: z.int().min(1).max(100_000),
    /**
     * Training steps of each site in a round, in the place of `training.epochs`. A round goes on in the site's own order
     * of its images where the last one ended, so that a few steps a round see all of them over the rounds.
     */
    localSteps: z.int().min(1).max(1_000_000).optional(),
    /** A round does not begin with fewer sites. */
    minimumCohort: z.int().min(1).max(1024),
    /** A round does not publish a model from fewer updates. */
    minimumSurvivors: z.int().min(1).max(1024),
    /** The run fails after so many aborted attempts in a row. */
    maximumConsecutiveAborts: z.int().min(1).max(100).default(3),
    deadlinesMs: z
      .strictObject({
        /** Waiting for enough sites to be connected. */
        selecting: deadlineMs.default(60_000),
        advertising: deadlineMs.default(30_000),
        /** Local training and the upload of the update. */
        training: deadlineMs.default(3_600_000),
        /** After the deadline of training a site keeps its place while something of it advances within this time. */
        quiet: deadlineMs.default(60_000),
      })
      .prefault({}),
    /** However a site advances, training ends after this multiple of its deadline. */
    trainingLimitFactor: z.number().min(1).max(100).default(4),
    /** An update whose delta has a larger L2 norm is not admitted. Absent: no bound. */
    maximumUpdateL2Norm: z.number().positive().optional(),
    /** Absent: all rounds are run. */
    earlyStopping: runStoppingSchema.optional(),
  })
  .refine((f) => f.minimumSurvivors <= f.minimumCohort, {
    path: ['minimumSurvivors'],
    error: 'cannot be above minimumCohort: such a round could never be published',
  });
export type FederationSettings = z.infer<typeof federationSchema>;

export const evaluationSchema = z
  .strictObject({
    /**
     * Share of its images that each site does not train on but judges every global model with, whole patients. 0: none.
     * It is a choice: images that are looked at are missing from training.
     */
    localValidationFraction: z.number().min(0).max(0.5).default(0),
  })
  .prefault({});

/** What needs a validation set that no site of a federation has is refused when the plan is made. */
const federatedRecipeSchema = recipeSchema
  .refine((recipe) => recipe.schedule.kind !== 'plateau', {
    path: ['schedule'],
    error: "'plateau' needs a validation loss, which a site does not have: use cosine, step or constant",
  })
  .refine((recipe) => recipe.earlyStopping === undefined, {
    path: ['earlyStopping'],
    error: 'a site has no validation set: use federation.earlyStopping',
  });

const planFieldsSchema = z.strictObject({
  protocolVersion: z.literal(PROTOCOL_VERSION),
  task: taskSchema,
  preprocessing: preprocessingSchema,
  /** The network to train from random weights; absent where the plan starts from a model file. */
  architecture: architectureSchema.optional(),
  initialModel: initialModelSchema.optional(),
  /** Length of the model's flat weight vector; payload sizes follow from it. */
  parameterCount: z.int().min(1).max(MAX_PARAMETERS),
  /** `epochs` are local epochs of one round, unless the federation sets local steps; the schedule spans the whole run. */
  training: federatedRecipeSchema,
  federation: federationSchema,
  protection: protectionSchema.prefault({ mode: 'secure-aggregation' }),
  evaluation: evaluationSchema,
  seed: z.int().min(0).max(0x7fff_ffff),
});

export const planSchema = planFieldsSchema.superRefine((plan, context) => {
  const { federation, training, protection } = plan;
  if ((plan.architecture === undefined) === (plan.initialModel === undefined))
    context.addIssue({
      code: 'custom',
      path: ['architecture'],
      message: 'a plan trains either an architecture or an initialModel: give one of the two',
    });
  const contradiction = initialModelConflict(plan);
  if (contradiction !== undefined)
    context.addIssue({ code: 'custom', path: ['initialModel'], message: contradiction });
  const message = optimizerConflict(federation.strategy, training.optimizer);
  if (message !== undefined) context.addIssue({ code: 'custom', path: ['training', 'optimizer'], message });
  const conflict = protectionConflict(protection, federation);
  if (conflict !== undefined) context.addIssue({ code: 'custom', path: ['protection'], message: conflict });
});
/** Complete: every default is filled in. */
export type Plan = z.infer<typeof planSchema>;
/** As written by people. */
export type PlanInput = z.input<typeof planSchema>;
