/** `consilium explain`: where a trained model saw what it says. */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Command, Option } from 'commander';
import { z } from 'zod';
import { DataError, InputError } from '../../shared/errors.ts';
import { encodePng } from '../../shared/data/png.ts';
import { RUNNER_ENGINES } from '../../shared/learning/engines/graph-runner.ts';
import {
  createExplainer,
  EXPLANATION_METHODS,
  type Explainer,
  type ExplanationMethod,
} from '../../shared/learning/explanations/explainer.ts';
import { overlay, pictureOf, sideBySide } from '../../shared/learning/explanations/overlay.ts';
import { randomisedWeights, rankCorrelation } from '../../shared/learning/explanations/sanity.ts';
import type { Classifier } from '../../shared/learning/inference/classifier.ts';
import { runInterruptible } from '../interruptible.ts';
import { DISCLAIMER } from '../predict/answers.ts';
import { collectInputs, type InputImage } from '../predict/inputs.ts';
import { openModel } from '../predict/model-location.ts';
import { parseFlags } from './options.ts';

const optionsSchema = z.object({
  model: z.string().min(1),
  out: z.string().min(1),
  method: z.enum([...EXPLANATION_METHODS, 'all']),
  class: z.string().min(1).optional(),
  array: z.string().min(1).optional(),
  check: z.boolean().default(false),
  json: z.boolean().default(false),
  engine: z.enum(RUNNER_ENGINES),
});
type ExplainOptions = z.infer<typeof optionsSchema>;

export function explainCommand(): Command {
  return new Command('explain')
    .summary('show where a model sees what it says')
    .description(
      'Writes a picture of every image with the evidence for a class laid over it. The pictures show the images:\n' +
        'they are as confidential as the images themselves.',
    )
    .argument('<images...>', 'image files, folders, .npz files')
    .requiredOption('--model <path>', 'the folder of a run, or a model file')
    .requiredOption('--out <folder>', 'where the pictures go')
    .addOption(
      new Option('--method <name>', 'how').choices([...EXPLANATION_METHODS, 'all']).default('gradcam'),
    )
    .option('--class <name>', 'the class to look for (default: the most probable)')
    .option('--array <name>', '.npz files: which array holds the images')
    .option('--check', 'compare with a model of randomised weights: a map that stays explains nothing')
    .option('--json', 'print what was written as JSON')
    .addOption(new Option('--engine <name>', 'what computes').choices(RUNNER_ENGINES).default('onnx'))
    .addHelpText(
      'after',
      `\nExample:\n  consilium explain --model runs/breast --out maps scan.png\n\n${DISCLAIMER}`,
    )
    .action((images: readonly string[], raw: unknown) =>
      runInterruptible((signal) => explain(images, parseFlags(optionsSchema, raw), signal)),
    );
}

interface Explained {
  readonly image: string;
  readonly method: ExplanationMethod;
  /** The class that the map is for, and its probability. */
  readonly label: string;
  readonly probability: number;
  readonly file: string;
  /** Spearman's rank correlation with the map of randomised weights. */
  readonly randomisedCorrelation?: number;
}

function classIndexOf(classifier: Classifier, name: string | undefined): number | undefined {
  if (name === undefined) return undefined;
  const { classNames } = classifier.file.description;
  const index = classNames.indexOf(name);
  if (index < 0) throw new InputError(`--class ${name}: the model has the classes ${classNames.join(', ')}`);
  return index;
}

async function explain(
  images: readonly string[],
  options: ExplainOptions,
  signal: AbortSignal,
): Promise<void> {
  const { classifier } = await openModel(options.model, options.engine);
  const { model, weights } = classifier.file;
  const randomised = options.check
    ? createExplainer(model, randomisedWeights(model, weights, 0), { engine: options.engine })
    : undefined;
  try {
    const wanted = classIndexOf(classifier, options.class);
    const inputs = await collectInputs(images, options.array);
    await mkdir(options.out, { recursive: true });
    const results: Explained[] = [];
    for (const [index, input] of inputs.entries()) {
      if (signal.aborted) break;
      try {
        results.push(...(await explainOne(input, { classifier, options, wanted, index, randomised })));
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        process.stderr.write(`${input.name} is left out: ${error.message}\n`);
        process.exitCode ??= 2;
      }
    }
    process.stdout.write(options.json ? `${JSON.stringify(results, undefined, 2)}\n` : resultText(results));
  } finally {
    await randomised?.dispose();
    await classifier.dispose();
  }
}

interface Context {
  readonly classifier: Classifier;
  readonly options: ExplainOptions;
  /** Undefined: the most probable class. */
  readonly wanted: number | undefined;
  readonly index: number;
  readonly randomised: Explainer | undefined;
}

async function explainOne(input: InputImage, context: Context): Promise<Explained[]> {
  const { name } = input;
  const { classifier, options, randomised } = context;
  const { imageDims } = classifier.file.model;
  const planes = classifier.prepare(await input.load());
  const prediction = await classifier.classify(planes);
  const classIndex = context.wanted ?? prediction.classIndex;
  const picture = pictureOf(planes, imageDims);
  const results: Explained[] = [];
  for (const method of options.method === 'all' ? EXPLANATION_METHODS : [options.method]) {
    const request = { image: planes, classIndex, method };
    const map = await classifier.explainer().explain(request);
    const stem = basename(name).replaceAll(/[^A-Za-z0-9._-]/g, '-');
    const number = String(context.index + 1).padStart(5, '0');
    const file = join(options.out, `${number}-${stem}.${method.replaceAll('+', 'p')}.png`);
    await writeFile(file, await encodePng(sideBySide(picture, overlay(picture, map))));
    results.push({
      ...{ image: name, method, file },
      label: classifier.file.description.classNames[classIndex] ?? '',
      probability: prediction.probabilities[classIndex] ?? 0,
      ...(randomised && { randomisedCorrelation: rankCorrelation(map, await randomised.explain(request)) }),
    });
  }
  return results;
}

function resultText(results: readonly Explained[]): string {
  const lines = results.map(({ image, label, probability, method, file, randomisedCorrelation }) => {
    const check =
      randomisedCorrelation === undefined
        ? ''
        : `  (rank correlation with randomised weights ${randomisedCorrelation.toFixed(2)})`;
    return `${image}  ${label} ${(100 * probability).toFixed(1)} %  ${method} → ${file}${check}`;
  });
  return `${lines.join('\n')}\n`;
}
