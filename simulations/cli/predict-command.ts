/** `consilium predict`: what a trained model says about images. */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Command, Option } from 'commander';
import { z } from 'zod';
import { InputError } from '../../shared/errors.ts';
import { RUNNER_ENGINES } from '../../shared/learning/engines/graph-runner.ts';
import { EXPLANATION_METHODS, type ExplanationMethod } from '../../shared/learning/explanations/explainer.ts';
import type { Classifier } from '../../shared/learning/inference/classifier.ts';
import { runInterruptible } from '../interruptible.ts';
import {
  answer,
  answerRecord,
  answersCsv,
  answersTable,
  DISCLAIMER,
  modelSummary,
  type Answer,
} from '../predict/answers.ts';
import { collectInputs } from '../predict/inputs.ts';
import { openModel, type OpenedModel } from '../predict/model-location.ts';
import { MOST_COPIES } from '../predict/service-contract.ts';
import { createService, listen } from '../predict/service.ts';
import { programVersion } from '../../shared/program-version.ts';
import { numberFlag, parseFlags } from './options.ts';

const DEFAULT_PORT = 8517;

const optionsSchema = z.object({
  model: z.string().min(1),
  array: z.string().min(1).optional(),
  augment: z.int().min(0).max(MOST_COPIES),
  abstain: z.number().min(0).max(1),
  heatmap: z.string().min(1).optional(),
  method: z.enum(EXPLANATION_METHODS),
  format: z.enum(['table', 'csv', 'json']),
  out: z.string().min(1).optional(),
  engine: z.enum(RUNNER_ENGINES),
  serve: z.union([z.literal(true), z.int().min(0).max(65_535)]).optional(),
});
type PredictOptions = z.infer<typeof optionsSchema>;

export function predictCommand(): Command {
  return new Command('predict')
    .summary('classify images with a trained model')
    .description(
      'Says what a trained model sees in images: probabilities of the classes, calibrated on the validation images of its\n' +
        'training. Images are files, folders or arrays in .npz files.',
    )
    .argument('[images...]', 'image files, folders, .npz files')
    .requiredOption('--model <path>', 'the folder of a run, or a model file')
    .option('--array <name>', '.npz files: which array holds the images')
    .option(
      '--augment <copies>',
      'average over so many changed copies as well, and give the spread',
      numberFlag,
      0,
    )
    .option('--abstain <confidence>', 'no answer below this confidence, 0 to 1', numberFlag, 0)
    .option('--heatmap <folder>', 'write a heat map of every image into this folder')
    .addOption(
      new Option('--method <name>', 'of the heat map').choices(EXPLANATION_METHODS).default('gradcam'),
    )
    .addOption(
      new Option('--format <kind>', 'of the answers').choices(['table', 'csv', 'json']).default('table'),
    )
    .option('--out <file>', 'write the answers to a file')
    .addOption(new Option('--engine <name>', 'what computes').choices(RUNNER_ENGINES).default('onnx'))
    .option('--serve [port]', `answer over HTTP on this machine (port ${String(DEFAULT_PORT)})`, numberFlag)
    .addHelpText(
      'after',
      '\nExamples:\n  consilium predict --model runs/breast scan.png --augment 16 --heatmap maps' +
        `\n  consilium predict --model runs/breast --serve\n\n${DISCLAIMER}`,
    )
    .action((images: readonly string[], raw: unknown) =>
      runInterruptible((signal) => predict(images, parseFlags(optionsSchema, raw), signal)),
    );
}

async function predict(
  images: readonly string[],
  options: PredictOptions,
  signal: AbortSignal,
): Promise<void> {
  if (options.serve !== undefined && images.length > 0)
    throw new InputError('--serve takes images over HTTP; leave the images out');
  if (options.serve === undefined && images.length === 0)
    throw new InputError('no image is given: name files, folders or .npz files, or use --serve');
  const model = await openModel(options.model, options.engine);
  const { classifier } = model;
  try {
    if (!classifier.notes.calibration)
      process.stderr.write('note: this model was not calibrated; its probabilities are as it learnt them\n');
    if (options.serve !== undefined) await serve(classifier, options, signal);
    else await predictAll(model, images, options, signal);
  } finally {
    await classifier.dispose();
  }
}

async function serve(classifier: Classifier, options: PredictOptions, signal: AbortSignal): Promise<void> {
  const defaults = { augment: options.augment, abstain: options.abstain };
  const app = createService({ classifier, version: programVersion(), defaults });
  const service = await listen(app, typeof options.serve === 'number' ? options.serve : DEFAULT_PORT);
  process.stderr.write(
    `Answering on ${service.url} (POST an image to /predict; /openapi.json says more). Ctrl-C ends it.\n`,
  );
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
  await service.close();
}

async function predictAll(
  { classifier, path }: OpenedModel,
  images: readonly string[],
  options: PredictOptions,
  signal: AbortSignal,
): Promise<void> {
  const inputs = await collectInputs(images, options.array);
  const method: ExplanationMethod | undefined = options.heatmap === undefined ? undefined : options.method;
  const answers: Answer[] = [];
  const maps: (string | undefined)[] = [];
  for (const input of inputs) {
    if (signal.aborted) break;
    const item = await answer(classifier, input, {
      ...{ augmentedCopies: options.augment, abstainBelow: options.abstain },
      ...(method && { heatmap: method }),
    });
    maps.push(await writeHeatmap(item, options.heatmap, answers.length));
    answers.push(item);
  }
  const text = formatAnswers(answers, maps, { classifier, path, options });
  if (options.out === undefined) process.stdout.write(text);
  else await writeFile(options.out, text);
  const refused = answers.filter(({ kind }) => kind === 'refused').length;
  if (refused > 0) {
    process.stderr.write(`${String(refused)} of ${String(answers.length)} images could not be used\n`);
    process.exitCode ??= 2;
  }
}

/** Numbered, since images of different folders may have one name. */
async function writeHeatmap(
  item: Answer,
  folder: string | undefined,
  index: number,
): Promise<string | undefined> {
  if (folder === undefined || item.kind === 'refused' || item.heatmap === undefined) return undefined;
  await mkdir(folder, { recursive: true });
  const stem = basename(item.image).replaceAll(/[^A-Za-z0-9._-]/g, '-');
  const file = join(folder, `${String(index + 1).padStart(5, '0')}-${stem}.png`);
  await writeFile(file, item.heatmap);
  return file;
}

function formatAnswers(
  answers: readonly Answer[],
  maps: readonly (string | undefined)[],
  { classifier, path, options }: { classifier: Classifier; path: string; options: PredictOptions },
): string {
  const summary = modelSummary(classifier);
  const { classNames } = summary;
  switch (options.format) {
    case 'table':
      return `${answersTable(answers, classNames)}\n`;
    case 'csv':
      return answersCsv(answers, classNames, options.augment > 0);
    case 'json': {
      const { augment, abstain, engine } = options;
      const predictions = answers.map((item, i) => answerRecord(item, classNames, maps[i]));
      const value = {
        model: { file: path, ...summary },
        settings: { augment, abstain, engine },
        predictions,
        disclaimer: DISCLAIMER,
      };
      return `${JSON.stringify(value, undefined, 2)}\n`;
    }
  }
}
