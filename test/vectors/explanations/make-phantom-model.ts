/**
 * Makes phantom-cnn.onnx, the small trained classifier by which explanations are judged:
 * `npx tsx test/vectors/explanations/make-phantom-model.ts`. Its map of features has 14×14 cells.
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { systemClock } from '../../../shared/clock.ts';
import { makePhantoms } from '../../../shared/data/phantoms.ts';
import { preprocess, selectExamples } from '../../../shared/data/preprocess.ts';
import { classCounts } from '../../../shared/data/select.ts';
import { splitDataset } from '../../../shared/data/split.ts';
import { architectureSchema, buildModel } from '../../../shared/learning/architectures/architecture.ts';
import { openEngine } from '../../../shared/learning/engines/open-engine.ts';
import { writeModel } from '../../../shared/learning/graph/model-file.ts';
import { presetFor } from '../../../simulations/train/presets.ts';
import { trainSeed } from '../../../simulations/train/train-seed.ts';

/** The test looks at later images of the same stream. */
const COUNT = 3000;
const dataset = makePhantoms({ count: COUNT, seed: 1 });
const split = splitDataset(dataset, { seed: 0 });
const preset = presetFor(dataset, classCounts(dataset, split.train), { recipe: { epochs: 14 } });
const architecture = architectureSchema.parse({
  name: 'cnn',
  options: { filters: [16, 32], convolutionsPerBlock: 2, dense: 0, head: 'mean', normalization: 'batch' },
});
const all = await preprocess(dataset, preset.preprocessing, split.train);
const outcome = await trainSeed(
  await openEngine('onnx'),
  {
    ...preset,
    ...{ seed: 1, engine: 'onnx', architecture, classNames: dataset.classNames, bootstrapReplicates: 0 },
    train: selectExamples(all, split.train),
    validation: selectExamples(all, split.validation),
    test: selectExamples(all, split.test),
    testPatients: Array.from(split.test, (i) => dataset.patients[i] ?? ''),
  },
  { clock: systemClock },
);
if (outcome) {
  const model = buildModel(architecture, all.imageDims, dataset.classNames.length);
  const bytes = writeModel(model, outcome.weights, {
    classNames: dataset.classNames,
    activation: 'softmax',
    preprocessing: z.json().parse(JSON.parse(JSON.stringify(all.resolved))),
  });
  await writeFile(fileURLToPath(new URL('phantom-cnn.onnx', import.meta.url)), bytes);
  process.stdout.write(`test accuracy ${String(outcome.test.metrics.accuracy.value)}\n`);
}
