/** Every trained model as a LayersModel that plain TensorFlow.js loads with the same outputs. */
import { describe, expect, it } from 'vitest';
import {
  architectureSchema,
  buildModel,
  type Architecture,
} from '../../../../shared/learning/architectures/architecture.ts';
import { readLayersModel } from '../../../../shared/learning/layers-model/read-layers-model.ts';
import {
  writeLayersModel,
  type WriteLayersModelOptions,
} from '../../../../shared/learning/layers-model/write-layers-model.ts';
import { initialWeights, manifestOf } from '../../../../shared/learning/weights.ts';
import {
  difference,
  graphLogits,
  loadPlain,
  normals,
  predictPlain,
  probabilities,
  seeded,
} from './plain-tensorflow.ts';

const architecture = (name: string, options: object): Architecture =>
  architectureSchema.parse({ name, options });

const DESCRIPTION: WriteLayersModelOptions = {
  classNames: ['normal', 'bénin', 'malignant'],
  activation: 'softmax',
  preprocessing: { mean: [0.5] },
};

const MODELS: readonly (readonly [string, Architecture])[] = [
  ['cnn', architecture('cnn', { filters: [4, 8], dense: 8, dropout: 0.5, head: 'pool' })],
  ['cnn with batch normalisation', architecture('cnn', { filters: [4, 8], normalization: 'batch' })],
  [
    'cnn with group normalisation',
    architecture('cnn', { filters: [8, 12], normalization: 'group', head: 'mean' }),
  ],
  ['resnet', architecture('resnet', { widths: [8, 16], blocksPerStage: 2 })],
  ['resnet with batch normalisation', architecture('resnet', { widths: [4, 8], normalization: 'batch' })],
  ['resnet without normalisation', architecture('resnet', { widths: [4, 8], normalization: 'none' })],
  ['mobile', architecture('mobile', { widths: [8, 16], dropout: 0.1 })],
  ['mobile with hard swish', architecture('mobile', { widths: [8, 16], activation: 'hardswish' })],
  ['mobile with batch normalisation', architecture('mobile', { widths: [4, 8], normalization: 'batch' })],
];

describe.each(MODELS)('%s', (_, chosen) => {
  const rng = seeded('write', chosen.name, JSON.stringify(chosen.options));
  const model = buildModel(chosen, [2, 9, 12], 3);
  // Scales, shifts and running statistics that differ from their start, so that none can be passed over unseen.
  const weights = initialWeights(model, 5).map((w) => w * 1.1 + 0.1 * Math.abs(rng.normal()));
  const images = normals(rng, 4 * 2 * 9 * 12);
  const written = writeLayersModel(model, weights, DESCRIPTION);

  it('is loaded by plain TensorFlow.js with outputs equal to 1e-5', async () => {
    const loaded = await loadPlain(written);
    const logits = graphLogits(model, weights, images);
    expect(
      difference(predictPlain(loaded, images, model.imageDims), probabilities(logits, 3, 'softmax')),
    ).toBeLessThan(1e-5);
    loaded.dispose();
  });

  it('is read again as the same model', () => {
    const json = written.files.get('model.json') ?? new Uint8Array();
    const again = readLayersModel({ json, weights: written.files });
    expect(again.activation).toBe('softmax');
    expect(again.metadata?.classNames).toEqual(DESCRIPTION.classNames);
    expect(manifestOf(again.model)).toEqual(manifestOf(model));
    expect(again.weights).toEqual(weights);
    expect(
      difference(graphLogits(again.model, again.weights, images), graphLogits(model, weights, images)),
    ).toBe(0);
  });
});
