/** `consilium simulate`: a federation of virtual hospitals on one machine. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { systemClock } from '../shared/clock.ts';
import { InputError } from '../shared/errors.ts';
import { ARCHITECTURE_NAMES } from '../shared/learning/architectures/architecture.ts';
import { ENGINE_NAMES } from '../shared/learning/engines/engine.ts';
import type { RecipeInput } from '../shared/learning/training/recipe.ts';
import { STRATEGY_NAMES, type Strategy } from '../shared/protocol/strategy.ts';
import { freshSeed } from '../shared/rng.ts';
import { datasetList } from './datasets/dataset-list.ts';
import { DATASET_FORMS } from './datasets/open-dataset.ts';
import { createDisplay } from './display.ts';
import { FAULT_PHASES, faultScenarioSchema } from './faults/scenario.ts';
import { runInterruptible } from './interruptible.ts';
import { PARTITION_FORMS, parsePartition, type PartitionScheme } from './partition/schemes.ts';
import { counted } from '../shared/format.ts';
import { protectionOf, type ProtectionFlags } from './protection-options.ts';
import { openStoppedRun } from './run-folder.ts';
import { resultJson, resultText, studyText } from './simulate-output.ts';
import { DEFAULT_TRAINING, simulationConfigSchema } from './simulation-config.ts';
import {
  parseStrategy,
  SERVER_SCHEDULE_FORMS,
  strategyList,
  type StrategyFlags,
} from './strategy-options.ts';
import { gridSchema, planRuns, type PlannedRun } from './study/grid.ts';
import { beginRun, carryOut } from './study/run-one.ts';
import { carryOutStudy, createStudy, isStudy } from './study/study.ts';
import {
  CLASS_WEIGHTINGS,
  OPTIMIZER_FORMS,
  withTrainingFlags,
  type TrainingFlags,
} from './training-options.ts';
import { readYamlFile } from '../shared/yaml-file.ts';

interface SimulateOptions extends StrategyFlags, TrainingFlags, ProtectionFlags {
  readonly dataset: string;
  readonly file?: string;
  readonly images?: number;
  readonly sites: number;
  readonly rounds: number;
  readonly epochs: number;
  readonly localSteps?: number;
  readonly partition?: string;
  readonly alpha?: number;
  readonly strategy: string;
  readonly listStrategies?: true;
  readonly listDatasets?: true;
  readonly compare?: readonly string[];
  readonly model: string;
  readonly engine: string;
  readonly workers: number;
  readonly seed?: number;
  readonly out?: string;
  readonly json?: true;
  readonly config?: string;
  readonly faults?: string;
  readonly seeds?: number;
  readonly sweep?: string;
  readonly resume?: string;
  readonly localValidation?: number;
  readonly init?: string;
  readonly freeze?: readonly string[];
  /** "round:5" */
  readonly unfreezeAt?: string;
  readonly bodyLr?: number;
}

/** More workers than this gain nothing with five sites, and each holds an engine. */
const DEFAULT_MAX_WORKERS = 4;

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a whole number');
  return Number(text);
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('expected a number above 0');
  return value;
}

/** For flags whose range the strategy checks. */
function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number');
  return value;
}

const defaults = simulationConfigSchema.parse({ seed: 0 });

export function simulateCommand(): Command {
  return new Command('simulate')
    .description(
      'Trains one model over virtual hospitals whose images stay apart, and compares it on a held-out test set ' +
        'with what each hospital reaches alone and with training on all images in one place.',
    )
    .option('--dataset <name>', DATASET_FORMS.join(', '), defaults.dataset)
    .option('--file <path>', 'a local copy of what the dataset would download')
    .option('--images <count>', 'phantoms: number of images', wholeNumber)
    .option('--sites <count>', 'virtual hospitals', wholeNumber, defaults.sites)
    .option('--rounds <count>', 'rounds of federated averaging', wholeNumber, defaults.rounds)
    .option('--epochs <count>', 'local epochs in a round', wholeNumber, defaults.epochs)
    .option(
      '--local-steps <count>',
      'training steps of each site in a round, in the place of epochs',
      wholeNumber,
    )
    .option('--batch-size <count>', 'images in a training step', wholeNumber)
    .option('--learning-rate <value>', 'of the sites', positiveNumber)
    .option('--optimizer <form>', `of the sites: ${OPTIMIZER_FORMS.join(', ')}`)
    .option(
      '--logit-calibration <tau>',
      'weight of the log of its own class mix that each site adds to the logits in its loss, against skewed labels: 1, or 0 for none',
      number,
    )
    .option(
      '--class-weighting <name>',
      `of the classes in the loss: ${CLASS_WEIGHTINGS.join(', ')}; federated: by the counts of all sites together, which are summed before the first round`,
    )
    .option(
      '--logit-adjustment <tau>',
      'weight of the log of the federation’s class mix that is taken off the logits of the shared model: 1, or 0 for none',
      number,
    )
    .option('--partition <scheme>', `how images are dealt to sites: ${PARTITION_FORMS.join(', ')}`)
    .option('--alpha <value>', 'the same as --partition dirichlet:<value>', positiveNumber)
    .option(
      '--strategy <name>',
      `${STRATEGY_NAMES.join(', ')}; or its settings as YAML, JSON or a file of them`,
      'fedavg',
    )
    .option('--mu <value>', 'fedprox: weight of the proximal term', number)
    .option('--momentum <value>', 'fedavgm: momentum at the server', number)
    .option('--beta1 <value>', 'fedadam, fedyogi, fedadagrad: decay of the first moment', number)
    .option('--beta2 <value>', 'fedadam, fedyogi: decay of the second moment', number)
    .option('--tau <value>', 'fedadam, fedyogi, fedadagrad: degree of adaptivity', number)
    .option('--server-learning-rate <value>', 'factor on what the server makes of the updates', number)
    .option('--server-schedule <form>', `how that falls over the rounds: ${SERVER_SCHEDULE_FORMS.join(', ')}`)
    .option('--list-strategies', 'say what strategies there are, and end')
    .option('--list-datasets', 'say what datasets there are, and end')
    .option(
      '--compare <methods>',
      'any of local, pooled, finetuned, with commas between; none for nothing (default: local,pooled)',
      (text) => (text === 'none' ? [] : text.split(',')),
    )
    .option('--model <name>', ARCHITECTURE_NAMES.join(', '), 'cnn')
    .option(
      '--init <file>',
      'start from this model (ONNX) instead of --model; its head is replaced where the classes differ',
    )
    .option(
      '--freeze <patterns...>',
      'parameters of it that keep their values and are not sent, for example features.*',
    )
    .option('--unfreeze-at <round:N>', 'from this round on nothing is frozen')
    .option('--body-lr <factor>', 'factor on the learning rate of everything but the head', positiveNumber)
    .option('--engine <name>', ENGINE_NAMES.join(', '), defaults.engine)
    .option(
      '--workers <count>',
      'threads that train; the result does not depend on it',
      wholeNumber,
      Math.min(DEFAULT_MAX_WORKERS, availableParallelism()),
    )
    .option('--seed <number>', 'repeats a run exactly (default: a fresh one, which is printed)', wholeNumber)
    .option('--out <folder>', 'where the results go (default: runs/simulation-<time>)')
    .option('--json', 'print the result as JSON instead of a table')
    .option(
      '--config <file>',
      'settings as YAML, as a run leaves them in config.json; flags win over them (simulations/recipes/*.yaml)',
    )
    .option(
      '--protection <mode>',
      'secure-aggregation (default): the coordinator learns only the sum of the updates; box: updates are encrypted for ' +
        'the coordinator; plain: nothing hides them, for experiments on public data',
    )
    .option(
      '--ring-bits <bits>',
      'integers that updates are summed as: 32, or 16 or 8 for a smaller upload',
      wholeNumber,
    )
    .option('--clip-norm <norm>', 'L2 bound on the update of a site, in a ring', positiveNumber)
    .option('--threshold <count>', 'secure aggregation: sites that have to stay to the end', wholeNumber)
    .option(
      '--acknowledge-small-cohort',
      'secure aggregation with three or four sites, whose sum says much about each',
    )
    .option('--local-validation <share>', 'of its images that each site judges global models with', number)
    .option(
      '--faults <file>',
      `what goes wrong, as YAML (examples: simulations/faults/*.yaml); phases: ${FAULT_PHASES.join(', ')}`,
    )
    .option(
      '--seeds <count>',
      'repeat with so many seeds: means, deviations, paired differences',
      wholeNumber,
    )
    .option('--sweep <file>', 'a YAML of settings and the values to try, all combinations')
    .option('--resume <folder>', 'go on with a run or study that was stopped, to the same result')
    .action((options: SimulateOptions, command: Command) =>
      runInterruptible((signal) => simulate(options, givenFlags(command), signal)),
    );
}

function partitionOf({ partition, alpha }: SimulateOptions): PartitionScheme | undefined {
  if (alpha === undefined) return partition === undefined ? undefined : parsePartition(partition);
  if (partition !== undefined && partition !== 'dirichlet')
    throw new InputError(
      `--alpha belongs to --partition dirichlet, not to ${partition}: leave one of them out`,
    );
  return parsePartition(`dirichlet:${String(alpha)}`);
}

/** SCAFFOLD does not go with Adam, the default of the other strategies. Plain SGD wants a larger rate, and a bound at first. */
const SCAFFOLD_TRAINING: RecipeInput = {
  optimizer: { kind: 'sgd', momentum: 0 },
  learningRate: 0.05,
  gradientClipL2Norm: 1,
  schedule: { kind: 'cosine', floorFraction: 0.1 },
};

function strategyFlagsOf(options: SimulateOptions): StrategyFlags {
  const { mu, momentum, beta1, beta2, tau, serverLearningRate, serverSchedule } = options;
  const flags = { mu, momentum, beta1, beta2, tau, serverLearningRate, serverSchedule };
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

/** A configuration file may plan a study as well. */
const fileSchema = z.looseObject({
  seed: z.int().min(0).optional(),
  seeds: z.int().min(1).optional(),
  sweep: gridSchema.optional(),
  /** A scenario, or the file that holds one. */
  faults: z.union([z.string(), z.looseObject({})]).optional(),
});

type Given = ReadonlySet<string>;

/** The flags that stand on the command line; the others only have their defaults. */
function givenFlags(command: Command): Given {
  const names = Object.keys(command.opts());
  return new Set(names.filter((name) => command.getOptionValueSource(name) === 'cli'));
}

/** What the configuration file says, with the flags that were given in its place. */
function inputOf(
  options: SimulateOptions,
  given: Given,
  file: Readonly<Record<string, unknown>>,
): Record<string, unknown> & { seed: number } {
  const { images, model, workers, localValidation } = options;
  const protection = protectionOf(options, file['protection']);
  const partition = partitionOf(options);
  const strategy = strategyOf(options, given, file['strategy']);
  const plain = (['dataset', 'file', 'sites', 'rounds', 'epochs', 'engine', 'compare'] as const).filter(
    (name) => given.has(name),
  );
  const faults = options.faults ?? file['faults'];
  const training = trainingOf(options, strategy, file['training']);
  return {
    workers,
    ...file,
    strategy,
    ...(training !== undefined && { training }),
    ...Object.fromEntries(plain.map((name) => [name, options[name]])),
    ...(given.has('workers') && { workers }),
    ...(options.localSteps !== undefined && { localSteps: options.localSteps }),
    ...(images !== undefined && { images }),
    ...(partition && { partition }),
    ...(protection !== undefined && { protection }),
    ...(localValidation !== undefined && { localValidation }),
    ...(options.init !== undefined && { initialModel: transferOf(options, options.init) }),
    ...(given.has('model') && model !== 'cnn' && { architecture: { name: model } }),
    ...(typeof faults === 'string' && { faults: readYamlFile('--faults', faults, faultScenarioSchema) }),
    seed: options.seed ?? (typeof file['seed'] === 'number' ? file['seed'] : freshSeed()),
  };
}

/** @throws InputError when `--unfreeze-at` is no round */
function transferOf({ freeze, unfreezeAt, bodyLr }: SimulateOptions, file: string): object {
  const round = unfreezeAt === undefined ? undefined : /^round:(\d+)$/.exec(unfreezeAt)?.[1];
  if (unfreezeAt !== undefined && round === undefined)
    throw new InputError(`--unfreeze-at ${unfreezeAt}: expected the form round:5`);
  return {
    file,
    ...(freeze && { freeze }),
    ...(round !== undefined && { unfreezeAtRound: Number(round) }),
    ...(bodyLr !== undefined && { bodyRateFactor: bodyLr }),
  };
}

function trainingOf(options: SimulateOptions, strategy: Strategy, fromFile: unknown): unknown {
  const ofStrategy = strategy.name === 'scaffold' ? SCAFFOLD_TRAINING : undefined;
  return withTrainingFlags(fromFile ?? ofStrategy, options, DEFAULT_TRAINING);
}

/** Flags for single parameters change the strategy that the file names. */
function strategyOf(options: SimulateOptions, given: Given, fromFile: unknown): Strategy {
  const text = given.has('strategy') || fromFile === undefined ? options.strategy : JSON.stringify(fromFile);
  return parseStrategy(text, strategyFlagsOf(options));
}

/** Everything that is to be run, checked before anything starts. */
function plannedRuns(options: SimulateOptions, given: Given): { runs: PlannedRun[]; isStudy: boolean } {
  const file = options.config === undefined ? {} : readYamlFile('--config', options.config, fileSchema);
  const { seeds: seedsInFile, sweep: sweepInFile, ...settings } = file;
  const seeds = options.seeds ?? seedsInFile ?? 1;
  if (seeds < 1) throw new InputError('--seeds needs at least 1');
  const grid =
    options.sweep === undefined ? (sweepInFile ?? {}) : readYamlFile('--sweep', options.sweep, gridSchema);
  const input = inputOf(options, given, settings);
  refuseUnusedFlags(given, input['dataset']);
  const runs = planRuns(input, grid, seeds);
  return { runs, isStudy: runs.length > 1 };
}

function defaultFolder(): string {
  const time = new Date(systemClock.nowMs()).toISOString().slice(0, 19).replaceAll(':', '');
  return join('runs', `simulation-${time}`);
}

async function simulate(options: SimulateOptions, given: Given, signal: AbortSignal): Promise<void> {
  if (options.listStrategies) {
    process.stdout.write(strategyList());
    return;
  }
  if (options.listDatasets) {
    process.stdout.write(datasetList());
    return;
  }
  const planned = options.resume === undefined ? plannedRuns(options, given) : undefined;
  if (options.resume !== undefined) refuseBesideResume(given);
  const path = options.resume ?? options.out ?? defaultFolder();
  const display = createDisplay(process.stderr);
  try {
    if (planned?.isStudy) await createStudy(path, planned.runs);
    if (isStudy(path)) {
      const study = await carryOutStudy(path, { display, signal });
      display.close();
      process.stdout.write(
        options.json ? `${JSON.stringify(study, undefined, 2)}\n` : studyText(study, path),
      );
      return;
    }
    const [only] = planned?.runs ?? [];
    const run = only ? await beginRun(path, only.config) : await openStoppedRun(path);
    const config = given.has('workers') ? { ...run.config, workers: options.workers } : run.config;
    const first = (run.from?.rounds.length ?? 0) + 1;
    const from = only ? '' : `, from round ${String(first)} on`;
    process.stderr.write(`seed ${String(config.seed)}, ${counted(config.workers, 'worker')}${from}\n`);
    const { outcome, folder } = await carryOut({ ...run, config }, { display, signal });
    display.close();
    process.stdout.write(options.json ? resultJson(outcome, folder) : resultText(outcome, folder));
  } finally {
    display.close();
  }
}

/** A flag that nothing would come of is a misunderstanding. A file may hold more: runs leave every setting in theirs. */
function refuseUnusedFlags(given: Given, dataset: unknown): void {
  const name = typeof dataset === 'string' ? dataset : defaults.dataset;
  if (given.has('images') && name !== 'phantoms')
    throw new InputError(`--images is the number of phantoms to generate; ${name} has its own: leave it out`);
  if (given.has('file') && !name.startsWith('medmnist:'))
    throw new InputError(
      `--file is a copy of what medmnist: downloads, and ${name} downloads nothing: leave it out`,
    );
  const transfer = (['freeze', 'unfreezeAt', 'bodyLr'] as const).filter((name) => given.has(name));
  if (transfer.length > 0 && !given.has('init'))
    throw new InputError('--freeze, --unfreeze-at and --body-lr need --init');
  if (given.has('init') && given.has('model'))
    throw new InputError('--model has no meaning with --init: leave one of them out');
  if (given.has('epochs') && given.has('localSteps'))
    throw new InputError('--local-steps stands in the place of --epochs: leave one of them out');
}

/** What may change when a run goes on: nothing that its result depends on. */
const WITH_RESUME: Given = new Set(['resume', 'workers', 'json']);

function refuseBesideResume(given: Given): void {
  const others = [...given].filter((name) => !WITH_RESUME.has(name));
  if (others.length > 0)
    throw new InputError(
      `--resume goes on with the settings of the run; leave out ${others.map((name) => `--${name}`).join(', ')}`,
    );
}
