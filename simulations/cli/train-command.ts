/** `consilium train`: one model on all images in one place, every researcher's baseline. */
import { join } from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../../shared/clock.ts';
import { ConsiliumError } from '../../shared/errors.ts';
import { runInterruptible } from '../interruptible.ts';
import { formatBytes, formatCount } from '../../shared/format.ts';
import { summariseSeeds } from '../report/train-report.ts';
import { createTrainDisplay, resultTable, type DisplayKind, type TrainDisplay } from '../train/display.ts';
import { transferText } from '../train/initial-model.ts';
import { prepareOutputFolder, writeResults, writeSettings } from '../train/outputs.ts';
import {
  runTraining,
  stoppedNote,
  trainResult,
  type TrainStart,
  type Training,
} from '../train/run-training.ts';
import { addTrainOptions, parseTrainOptions, trainRequestOf, type TrainOptions } from './train-options.ts';

export function trainCommand(): Command {
  const command = new Command('train')
    .summary('train on images in one place')
    .description(
      'Trains a classifier on images in one place: split by patients, the best epoch kept by validation images,\n' +
        'tested once on images that had no part in it. Settings that are not given suit the images.',
    )
    .addHelpText(
      'after',
      '\nExample:\n  consilium train --dataset medmnist:breastmnist --seeds 5 --out runs/breast',
    );
  return addTrainOptions(command).action((raw: unknown) =>
    runInterruptible((signal) => train(parseTrainOptions(raw), signal)),
  );
}

function defaultFolder(dataset: string): string {
  const time = new Date(systemClock.nowMs()).toISOString().slice(0, 19).replaceAll(':', '');
  const name = dataset.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(0, 60);
  return join('runs', `train-${name}-${time}`);
}

function displayKind({ quiet }: TrainOptions): DisplayKind {
  if (quiet) return 'none';
  return process.stderr.isTTY ? 'bars' : 'lines';
}

async function train(options: TrainOptions, signal: AbortSignal): Promise<void> {
  const folder = options.out ?? defaultFolder(options.dataset);
  await prepareOutputFolder(folder, options.force);
  let epochs = 0;
  const display = createTrainDisplay(displayKind(options), process.stderr, () => epochs);
  try {
    const training = await runTraining(trainRequestOf(options), {
      signal,
      onDownload: downloadNotes(display),
      onStart: async (start) => {
        epochs = start.config.recipe.epochs;
        await writeSettings(folder, start);
        for (const line of startLines(start)) display.note(line);
      },
      onProgress: (progress) => {
        display.show(progress);
      },
    });
    display.close();
    await report(training, folder, options);
  } catch (error) {
    // Reading images or a download that was stopped; what went wrong by itself is reported as such.
    if (!signal.aborted || error instanceof ConsiliumError) throw error;
    process.stderr.write('Stopped before training began; there are no results.\n');
  } finally {
    display.close();
  }
}

/** One line for every tenth of a download. */
function downloadNotes(
  display: TrainDisplay,
): (progress: { receivedBytes: number; totalBytes?: number }) => void {
  let shown = -1;
  return ({ receivedBytes, totalBytes }) => {
    const tenths = totalBytes === undefined ? 0 : Math.floor((10 * receivedBytes) / totalBytes);
    if (tenths === shown) return;
    shown = tenths;
    const total = totalBytes === undefined ? '' : ` of ${formatBytes(totalBytes)}`;
    display.note(`downloading: ${formatBytes(receivedBytes)}${total}`);
  };
}

function modelText({ config, initial }: TrainStart): string {
  return initial && config.transfer ? transferText(initial, config.transfer) : config.architecture.name;
}

function startLines(start: TrainStart): string[] {
  const { config, environment, data, notes } = start;
  const { summary, train, validation, test } = data;
  const [height, width, channels] = summary.imageDims ?? [0, 0, 0];
  return [
    ...notes.map((note) => `note: ${note}`),
    `${summary.name}: ${formatCount(train.count)} training, ${formatCount(validation.count)} validation, ` +
      `${formatCount(test.count)} test images of ${String(height)}×${String(width)}×${String(channels)}, ` +
      `${String(summary.classNames.length)} classes`,
    `${modelText(start)}, ${String(config.recipe.epochs)} epochs, seeds ${config.seeds.join(', ')}, ` +
      `${environment.engine} (${environment.device}), ${String(config.workers)} at a time`,
  ];
}

async function report(training: Training, folder: string, options: TrainOptions): Promise<void> {
  const { start, outcomes, stopped } = training;
  if (stopped) process.stderr.write(`${stoppedNote(start.config, outcomes)}\n`);
  if (outcomes.length === 0) {
    process.stderr.write(`No epoch was complete: there are no results. The settings are in ${folder}.\n`);
    return;
  }
  const files = await writeResults(folder, training);
  if (stopped) process.stderr.write(`The results so far are kept in ${folder}.\n`);
  process.stdout.write(
    options.json ? resultJson(training, folder, files) : resultText(training, folder, files),
  );
}

function resultText(training: Training, folder: string, files: readonly string[]): string {
  const result = trainResult(training);
  return `\n${resultTable(result)}\n\nResults: ${folder}\n  ${files.join(', ')}\n`;
}

function resultJson(training: Training, folder: string, files: readonly string[]): string {
  const result = trainResult(training);
  const seeds = result.seeds.map(({ seed, bestEpoch, weightsDigest, durationMs, test }) => ({
    ...{ seed, bestEpoch, weightsDigest, durationMs },
    test: test.metrics,
  }));
  const value = { folder, files, stopped: training.stopped, summary: summariseSeeds(result.seeds), seeds };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
