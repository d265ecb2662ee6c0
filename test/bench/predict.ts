/**
 * What one prediction costs after loading: `npm run bench:predict`. A model of about 100,000 parameters answers about one
 * image file, decoding and preparation included. Fails when the median is above the bar.
 */
import { z } from 'zod';
import { systemClock } from '../../shared/clock.ts';
import { decodeImage } from '../../shared/data/image-file.ts';
import { makePhantoms } from '../../shared/data/phantoms.ts';
import { encodePng } from '../../shared/data/png.ts';
import { imageAt } from '../../shared/data/preprocess.ts';
import { DEFAULT_PREPROCESSING } from '../../shared/data/preprocessing-schema.ts';
import { architectureSchema, buildModel } from '../../shared/learning/architectures/architecture.ts';
import { RUNNER_ENGINES } from '../../shared/learning/engines/graph-runner.ts';
import { writeModel } from '../../shared/learning/graph/model-file.ts';
import { openClassifier } from '../../shared/learning/inference/classifier.ts';
import { initialWeights } from '../../shared/learning/weights.ts';
import { finishBench, type BenchRow } from './bench-report.ts';

const BAR_MS = 50;
const IMAGES = 20;

/** What `consilium train` makes of small grey images by itself. */
const architecture = architectureSchema.parse({
  name: 'cnn',
  options: { filters: [32, 64, 128], dense: 0, head: 'mean', normalization: 'batch' },
});
const model = buildModel(architecture, [1, 28, 28], 3);
const weights = initialWeights(model, 1);
const file = writeModel(model, weights, {
  classNames: ['normal', 'nodule', 'effusion'],
  activation: 'softmax',
  preprocessing: z.json().parse(JSON.parse(JSON.stringify(DEFAULT_PREPROCESSING))),
});

async function pngOf(size: number): Promise<Uint8Array> {
  return encodePng(imageAt(makePhantoms({ count: 1, size, seed: 1 }), 0));
}

const CASES = [
  { name: '28×28', png: await pngOf(28), augmentedCopies: 0 },
  { name: '512×512', png: await pngOf(512), augmentedCopies: 0 },
  { name: '28×28, 16 changed copies', png: await pngOf(28), augmentedCopies: 16 },
];

const rows: BenchRow[] = [];
for (const engine of RUNNER_ENGINES) {
  const startMs = systemClock.elapsedMs();
  const classifier = await openClassifier(file, engine);
  const loadMs = systemClock.elapsedMs() - startMs;
  rows.push({ name: `${engine}: loading the model`, samples: [loadMs], unit: 'ms', digits: 1 });
  for (const { name, png, augmentedCopies } of CASES) {
    const samples: number[] = [];
    for (let i = 0; i < IMAGES; i++) {
      const beganMs = systemClock.elapsedMs();
      await classifier.classify(classifier.prepare(await decodeImage(png, 'image.png')), { augmentedCopies });
      samples.push(systemClock.elapsedMs() - beganMs);
    }
    const isJudged = engine === 'onnx' && augmentedCopies === 0;
    rows.push({
      ...{ name: `${engine}: ${name}`, samples, unit: 'ms', digits: 1 },
      ...(isJudged && { bar: { atMost: BAR_MS } }),
    });
  }
  await classifier.dispose();
}
finishBench(
  { title: `One PNG file decoded, prepared and classified; ${String(weights.length)} parameters`, rows },
  { json: process.argv.includes('--json') },
);
