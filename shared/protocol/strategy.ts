/**
 * How a federation learns: the method of a plan with its parameters. What each asks of the coordinator is in
 * `coordinator/aggregation`, what it asks of a site in `client/training`. All weight sites by their examples, as
 * McMahan et al. 2017, Algorithm 1, also where a paper's own pseudo-code writes a plain mean.
 */
import { z } from 'zod';
import type { OptimizerSettings } from '../learning/training/recipe.ts';

const decayRate = z.number().min(0).lt(1);

/** How the server's learning rate falls over the rounds of a run. */
export const serverScheduleSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('constant') }),
  /** Multiplied by `factor` after every `everyRounds` rounds. */
  z.strictObject({
    kind: z.literal('step'),
    everyRounds: z.int().min(1),
    factor: z.number().gt(0).lt(1).default(0.5),
  }),
  /** Multiplied by `factor` after every round. */
  z.strictObject({ kind: z.literal('exponential'), factor: z.number().gt(0).lte(1).default(0.98) }),
  /** Falls along half a cosine, to `floorFraction` of the rate at the end. */
  z.strictObject({ kind: z.literal('cosine'), floorFraction: z.number().min(0).max(1).default(0) }),
]);
export type ServerSchedule = z.infer<typeof serverScheduleSchema>;

const serverRate = (initial: number) => ({
  /** η: factor on what the server makes of the mean update, before the schedule. */
  serverLearningRate: z.number().gt(0).max(100).default(initial),
  serverSchedule: serverScheduleSchema.prefault({ kind: 'constant' }),
});

/** Averages move by at most a few times η; the values of Reddi et al. 2021, §4, but for η, which depends on the local training. */
const adaptive = (beta1: number) => ({
  ...serverRate(5e-3),
  beta1: decayRate.default(beta1),
  /** τ: the degree of adaptivity; also the square root of the first second moment. */
  tau: z.number().gt(0).max(1).default(1e-3),
});
const beta2 = decayRate.default(0.99);

export const STRATEGY_NAMES = [
  'fedavg',
  'fedprox',
  'fedavgm',
  'fedadam',
  'fedyogi',
  'fedadagrad',
  'scaffold',
  'fedbn',
] as const;

const settingsSchema = z.discriminatedUnion(
  'name',
  [
    /** The mean of the updates (McMahan et al. 2017, Algorithm 1). */
    z.strictObject({ name: z.literal('fedavg'), ...serverRate(1) }),
    /** A proximal term keeps local training near the global model (Li et al. 2020, Algorithm 2). */
    z.strictObject({
      name: z.literal('fedprox'),
      ...serverRate(1),
      /** μ; 0 is FedAvg. */
      mu: z.number().min(0).max(1000).default(0.01),
    }),
    /** Momentum at the server (Hsu et al. 2019, §4.2). */
    z.strictObject({
      name: z.literal('fedavgm'),
      ...serverRate(0.3),
      /** β; 0 with a server learning rate of 1 is FedAvg. */
      momentum: decayRate.default(0.9),
    }),
    /** Adam at the server (Reddi et al. 2021, Algorithm 2, FEDADAM). */
    z.strictObject({ name: z.literal('fedadam'), ...adaptive(0.9), beta2 }),
    /** Yogi at the server (Reddi et al. 2021, Algorithm 2, FEDYOGI). */
    z.strictObject({ name: z.literal('fedyogi'), ...adaptive(0.9), beta2 }),
    /** Adagrad at the server (Reddi et al. 2021, Algorithm 2, FEDADAGRAD). */
    z.strictObject({ name: z.literal('fedadagrad'), ...adaptive(0) }),
    /** Control variates against the drift of sites (Karimireddy et al. 2020, Algorithm 1, option II). */
    z.strictObject({ name: z.literal('scaffold'), ...serverRate(1) }),
    /** Normalisation layers stay at the site (Li et al. 2021, Algorithm 1). */
    z.strictObject({ name: z.literal('fedbn'), ...serverRate(1) }),
  ],
  { error: `expected a strategy: one of ${STRATEGY_NAMES.join(', ')}` },
);
/** Complete: every default is filled in. */
export type Strategy = z.infer<typeof settingsSchema>;
export type StrategyName = Strategy['name'];
export type StrategyOf<N extends StrategyName> = Extract<Strategy, { name: N }>;

/** For people who choose. */
export const STRATEGY_SUMMARIES: Readonly<Record<StrategyName, string>> = {
  fedavg: 'mean of the updates, weighted by examples (McMahan et al. 2017)',
  fedprox: 'FedAvg with a proximal term in local training: mu (Li et al. 2020)',
  fedavgm: 'momentum at the server: momentum (Hsu et al. 2019)',
  fedadam: 'Adam at the server: beta1, beta2, tau (Reddi et al. 2021)',
  fedyogi: 'Yogi at the server: beta1, beta2, tau (Reddi et al. 2021)',
  fedadagrad: 'Adagrad at the server: beta1, tau (Reddi et al. 2021)',
  scaffold: 'control variates against drift; needs plain SGD (Karimireddy et al. 2020)',
  fedbn: 'normalisation layers stay at each site (Li et al. 2021)',
};

/** A name (with its defaults) or settings. */
export const strategySchema = z
  .custom<StrategyName | z.input<typeof settingsSchema>>()
  .transform((value) => (typeof value === 'string' ? { name: value } : value))
  .pipe(settingsSchema);
/** As written by people. */
export type StrategyInput = z.input<typeof strategySchema>;

/** Vectors as long as the weights that the model's message and an update hold: SCAFFOLD's second is the control variate. */
export function vectorCountOf(strategy: Strategy): 1 | 2 {
  return strategy.name === 'scaffold' ? 2 : 1;
}

/**
 * Why a local optimiser does not fit a strategy; undefined when it does. SCAFFOLD's control variates are mean gradients
 * only where a step is the learning rate times the gradient.
 */
export function optimizerConflict(
  strategy: Pick<Strategy, 'name'>,
  optimizer: OptimizerSettings,
): string | undefined {
  const isPlain = optimizer.kind === 'sgd' && optimizer.momentum === 0;
  return strategy.name === 'scaffold' && !isPlain
    ? 'strategy scaffold needs plain SGD: set training.optimizer to sgd with momentum 0, or choose another strategy'
    : undefined;
}
