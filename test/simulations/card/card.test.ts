import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { readModelFile, writeModel } from '../../../shared/learning/graph/model-file.ts';
import { modelNotesEntries } from '../../../shared/learning/inference/model-notes.ts';
import { augmentationPreset } from '../../../shared/learning/augmentation/schema.ts';
import { weightsDigest } from '../../../shared/learning/weights.ts';
import { cardMarkdown } from '../../../simulations/card/card-markdown.ts';
import { cardOf } from '../../../simulations/card/card.ts';
import { readRunFiles } from '../../../simulations/card/run-files.ts';
import { writeCard } from '../../../simulations/card/write-card.ts';
import { exampleEvaluation, exampleFederation, exampleTraining } from '../report/example-results.ts';

const folder = mkdtempSync(join(tmpdir(), 'consilium-card-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const source = readModelFile(
  readFileSync(new URL('../../vectors/explanations/phantom-cnn.onnx', import.meta.url)),
);
const calibration = { temperature: 1.25, exampleCount: 90, logLossBefore: 0.5, logLossAfter: 0.4 };
const digest = weightsDigest(source.weights);

const write = (file: string, value: object): void => {
  writeFileSync(join(folder, file), JSON.stringify(value));
};

/** A folder as a run leaves it; `metrics` replaces parts of the figures. */
function writeRun(kind: 'central' | 'federated', metrics: object = {}): void {
  rmSync(join(folder, 'plan.json'), { force: true });
  const model = writeModel(source.model, source.weights, {
    ...source.description,
    metadata: new Map(modelNotesEntries({ calibration, augmentation: augmentationPreset('xray') })),
  });
  writeFileSync(join(folder, 'model.onnx'), model);
  write('environment.json', { consilium: '9.9', engine: 'onnx', device: 'CPU' });
  if (kind === 'central') {
    const training = exampleTraining({ seeds: [3] });
    write('metrics.json', { ...training, model: { seed: 3, weightsDigest: digest }, ...metrics });
    return;
  }
  write('plan.json', { hash: 'abc123', plan: { protection: { mode: 'box' } } });
  write('metrics.json', { ...exampleFederation({ sites: 3 }), weightsDigest: digest, ...metrics });
}

describe('the model card of central training', () => {
  beforeEach(() => {
    writeRun('central');
  });

  it('takes every figure from the files', async () => {
    const run = await readRunFiles(folder);
    const card = cardOf(run);
    const [first] = exampleTraining({ seeds: [3] }).seeds;
    expect(card.evaluation.metrics.accuracy).toEqual(first?.test.metrics.accuracy);
    expect(card.evaluation.exampleCount).toBe(first?.test.exampleCount);
    expect(card.calibration).toMatchObject(calibration);
    expect(card.model).toMatchObject({ weightsSha512: digest, parameterCount: source.weights.length });
    expect(card.model.planHash).toBeUndefined();
    for (const { file, sha256 } of card.sources)
      expect(
        createHash('sha256')
          .update(readFileSync(join(folder, file)))
          .digest('hex'),
      ).toBe(sha256);
    expect(card.sources.map(({ file }) => file)).toEqual(['metrics.json', 'environment.json', 'model.onnx']);
  });

  it('is written as JSON and as Markdown, with what people said', async () => {
    const card = await writeCard(folder, { licence: 'MIT', intendedUse: 'Teaching', contact: 'a@b' });
    expect(JSON.parse(readFileSync(join(folder, 'model-card.json'), 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(card)),
    );
    const text = readFileSync(join(folder, 'model-card.md'), 'utf8');
    for (const part of ['MIT', 'Teaching', 'a@b', digest, 'Temperature 1.250']) expect(text).toContain(part);
  });

  it('makes no markup of names that others gave', async () => {
    const dataset = { ...exampleTraining({ seeds: [3] }).dataset, name: '<img src=x> | [a](b)\n# c' };
    writeRun('central', { dataset });
    const text = cardMarkdown(cardOf(await readRunFiles(folder)));
    expect(text).toContain('\\<img src=x\\> \\| \\[a\\](b) \\# c');
    expect(text).not.toMatch(/[^\\]<img/);
  });

  it('refuses figures of other weights, and folders that are no run', async () => {
    writeRun('central', { model: { seed: 3, weightsDigest: 'other' } });
    await expect(readRunFiles(folder)).rejects.toThrow(/other weights/);
    writeRun('central', { model: { seed: 4, weightsDigest: digest } });
    await expect(readRunFiles(folder)).rejects.toThrow(/seed 4/);
    writeRun('central', { seeds: [] });
    await expect(readRunFiles(folder)).rejects.toThrow(/metrics\.json.*seeds/);
    await expect(readRunFiles(join(folder, 'nothing'))).rejects.toThrow(/finished/);
  });
});

describe('subgroups in a model card', () => {
  const { metrics } = exampleEvaluation({ classNames: ['a', 'b'], strength: 2, seed: 5 });
  const subgroupTests = [
    { attribute: 'sex', group: 'female', classCounts: [30, 12], metrics },
    { attribute: 'age', group: '40–59', classCounts: [25, 8], metrics },
  ];

  it('are the sites and what the data say of the patients, and what is missing is said', async () => {
    writeRun('federated', { subgroupTests });
    const card = cardOf(await readRunFiles(folder));
    const sites = exampleFederation({ sites: 3 }).siteTests ?? [];
    expect(card.subgroups.map(({ attribute, group }) => [attribute, group])).toEqual([
      ...sites.map(({ site }) => ['site', site]),
      ['sex', 'female'],
      ['age', '40–59'],
    ]);
    expect(card.subgroups.at(-2)).toEqual({ attribute: 'sex', group: 'female', exampleCount: 42, metrics });
    expect(card.limits).toContain('There are no figures by scanner.');
    expect(cardMarkdown(card)).toMatch(/\| Age \| 40–59 \| 33 \|/);
  });

  it('are those of the patients alone after central training; unknown attributes are refused', async () => {
    writeRun('central', { subgroupTests });
    expect(cardOf(await readRunFiles(folder)).subgroups).toHaveLength(2);
    writeRun('central', { subgroupTests: [{ ...subgroupTests[0], attribute: 'shoe size' }] });
    await expect(readRunFiles(folder)).rejects.toThrow(/subgroupTests/);
  });
});

describe('the model card of a federation', () => {
  it('says plan, sites and how updates were protected', async () => {
    writeRun('federated');
    const card = cardOf(await readRunFiles(folder));
    const run = exampleFederation({ sites: 3 });
    expect(card.model.planHash).toBe('abc123');
    expect(card.data.sites.map(({ name }) => name)).toEqual(run.sites.map(({ name }) => name));
    expect(card.privacy).toMatchObject({ protection: 'box', differentialPrivacy: null });
    expect(card.privacy.text).toMatch(/which saw each site’s update.*no differential privacy/);
    expect(card.evaluation.metrics.auc).toEqual(run.test.federated.metrics.auc);
  });

  it('lists its limits: few images, no calibration, no subgroups', async () => {
    writeRun('federated', { siteTests: [] });
    const bare = writeModel(source.model, source.weights, source.description);
    writeFileSync(join(folder, 'model.onnx'), bare);
    const run = await readRunFiles(folder);
    const [first, ...rest] = run.test.classes;
    if (first === undefined) throw new Error('the example has classes');
    const test = { ...run.test, classes: [{ ...first, support: 7 }, ...rest] };
    const { limits } = cardOf({ ...run, test });
    expect(limits.join('\n')).toMatch(/Only 7 test images/);
    expect(limits.join('\n')).toMatch(/Not calibrated/);
    expect(limits.join('\n')).toMatch(/No figures by sex/);
    expect(cardMarkdown(cardOf(run))).toContain('Not calibrated.');
  });
});
