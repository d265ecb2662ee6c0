/** `consilium simulate`: a federation of virtual hospitals on one machine. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { systemClock } from '../shared/clock.ts';
import { InputError } from '../shared/errors.ts';
import { ARCHITECTURE_NAMES } from '../shared/learning/architectures/architecture.ts';
import { ENGINE_NAMES } from '../shared/learning/engines/engine.ts';
import type { RecipeInput } from '../shared/learning/training/recipe.ts';
import { STRATEGY_NAMES } from '../shared/protocol/strategy.ts';
import { freshSeed } from '../shared/rng.ts';
import { DATASET_FORMS } from './datasets/open-dataset.ts';
import { createDisplay, resultTable } from './display.ts';
import { runFederation, type SimulationOutcome } from './harness.ts';
import { runInterruptible } from './interruptible.ts';
import { PARTITION_FORMS, parsePartition, type PartitionScheme } from './partition/schemes.ts';
import { comparedMethods } from './report/federation-report.ts';
import { createRunFolder, type RunFolder } from './run-folder.ts';
import { parseSimulation, simulationConfigSchema } from './simulation-config.ts';
import {
  parseStrategy,
  SERVER_SCHEDULE_FORMS,
  strategyList,
  type StrategyFlags,
} from './strategy-options.ts';

interface SimulateOptions extends StrategyFlags {
  readonly dataset: string;
  readonly file?: string;
  readonly images?: number;
  readonly sites: number;
  readonly rounds: number;
  readonly epochs: number;
  readonly partition?: string;
  readonly alpha?: number;
  readonly strategy: string;
  readonly listStrategies?: true;
  readonly compare?: readonly string[];
  readonly model: string;
  readonly engine: string;
  readonly workers: number;
  readonly seed?: number;
  readonly out?: string;
  readonly json?: true;
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
    .option(
      '--compare <methods>',
      'any of local, pooled, finetuned, with commas between; none for nothing (default: local,pooled)',
      (text) => (text === 'none' ? [] : text.split(',')),
    )
    .option('--model <name>', ARCHITECTURE_NAMES.join(', '), 'cnn')
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
    .action((options: SimulateOptions) => runInterruptible((signal) => simulate(options, signal)));
}

function partitionOf({ partition, alpha }: SimulateOptions): PartitionScheme | undefined {
  if (alpha === undefined) return partition === undefined ? undefined : parsePartition(partition);
  if (partition !== undefined && partition !== 'dirichlet')
    throw new InputError(
      `--alpha belongs to --partition dirichlet, not to ${partition}: leave one of them out`,
    );
  return parsePartition(`dirichlet:${String(alpha)}`);
}

/** SCAFFOLD does not go with Adam, the default of the other strategies; plain SGD wants a larger rate. */
const SCAFFOLD_TRAINING: RecipeInput = {
  optimizer: { kind: 'sgd', momentum: 0 },
  learningRate: 0.05,
  schedule: { kind: 'cosine', floorFraction: 0.1 },
};

function strategyFlagsOf(options: SimulateOptions): StrategyFlags {
  const { mu, momentum, beta1, beta2, tau, serverLearningRate, serverSchedule } = options;
  const flags = { mu, momentum, beta1, beta2, tau, serverLearningRate, serverSchedule };
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

function inputOf(options: SimulateOptions): unknown {
  const { file, images, model } = options;
  const { dataset, sites, rounds, epochs, engine, workers } = options;
  const partition = partitionOf(options);
  const strategy = parseStrategy(options.strategy, strategyFlagsOf(options));
  return {
    strategy,
    ...(strategy.name === 'scaffold' && { training: SCAFFOLD_TRAINING }),
    ...(options.compare && { compare: options.compare }),
    ...{ dataset, sites, rounds, epochs, engine, workers, seed: options.seed ?? freshSeed() },
    ...(file !== undefined && { file }),
    ...(images !== undefined && { images }),
    ...(partition && { partition }),
    ...(model !== 'cnn' && { architecture: { name: model } }),
  };
}

function defaultFolder(): string {
  const time = new Date(systemClock.nowMs()).toISOString().slice(0, 19).replaceAll(':', '');
  return join('runs', `simulation-${time}`);
}

async function simulate(options: SimulateOptions, signal: AbortSignal): Promise<void> {
  if (options.listStrategies) {
    process.stdout.write(strategyList());
    return;
  }
  // Refused before anything starts.
  const config = parseSimulation(inputOf(options));
  const folder = await createRunFolder(options.out ?? defaultFolder());
  const display = createDisplay(process.stderr);
  process.stderr.write(`seed ${String(config.seed)}, ${String(config.workers)} workers\n`);
  try {
    const outcome = await runFederation(config, {
      signal,
      onProgress: (progress) => {
        if (progress.kind === 'round') folder.appendRound(progress.result);
        display.show(progress);
      },
    });
    await folder.finish(outcome);
    display.close();
    process.stdout.write(options.json ? resultJson(outcome, folder) : resultText(outcome, folder));
  } finally {
    display.close();
  }
}

function resultText({ result, finalDigest }: SimulationOutcome, folder: RunFolder): string {
  return (
    `\n${resultTable(result)}` +
    `Kept: the model of round ${String(result.bestRound)}, the best on the validation set.\n` +
    `Weights after the last round: ${finalDigest.slice(0, 32)}…\nReport: ${folder.reportPath}\n`
  );
}

function resultJson({ result, finalDigest }: SimulationOutcome, folder: RunFolder): string {
  const { seed, bestRound, weightsDigest } = result;
  const test = comparedMethods(result);
  const value = {
    seed,
    bestRound,
    weightsDigest,
    finalDigest,
    test,
    folder: folder.path,
    report: folder.reportPath,
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
