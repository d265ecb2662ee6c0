import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeMarkedPhantoms, makePhantoms } from '../../../../shared/data/phantoms.ts';
import { preprocess, selectExamples } from '../../../../shared/data/preprocess.ts';
import { preprocessingSchema } from '../../../../shared/data/preprocessing-schema.ts';
import { architectureSchema, buildModel } from '../../../../shared/learning/architectures/architecture.ts';
import { openGraphRunner, parameterFeeds } from '../../../../shared/learning/engines/graph-runner.ts';
import {
  CLASS_WEIGHTS,
  explanationGraph,
  FEATURE_GRADIENTS,
  FEATURES,
  IMAGE_GRADIENTS,
  lastFeatureLayer,
} from '../../../../shared/learning/explanations/explanation-graph.ts';
import {
  createExplainer,
  EXPLANATION_METHODS,
  type Explainer,
  type ExplanationMethod,
} from '../../../../shared/learning/explanations/explainer.ts';
import {
  pointsAt,
  randomisedWeights,
  rankCorrelation,
} from '../../../../shared/learning/explanations/sanity.ts';
import { GraphBuilder } from '../../../../shared/learning/graph/builder.ts';
import { readModelFile } from '../../../../shared/learning/graph/model-file.ts';
import type { Model } from '../../../../shared/learning/graph/types.ts';
import { inferenceGraph } from '../../../../shared/learning/training-graph.ts';
import { initialWeights } from '../../../../shared/learning/weights.ts';
import { createRng, deriveSeed } from '../../../../shared/rng.ts';
import { runReference } from '../../../reference/interpreter.ts';
import { tensor, type Tensor64 } from '../../../reference/tensor64.ts';

/** Trained on the first 3000 phantoms of seed 1 (make-phantom-model.ts). */
const file = readModelFile(
  readFileSync(new URL('../../../vectors/explanations/phantom-cnn.onnx', import.meta.url)),
);
const SEEN = 3000;
const NODULE = 1;
const EFFUSION = 2;

async function logitsOf(model: Model, weights: Float32Array, image: Float32Array): Promise<Float32Array> {
  const runner = await openGraphRunner(inferenceGraph(model, 1));
  const results = await runner.run(new Map([...parameterFeeds(model, weights), ['images', image]]));
  await runner.dispose();
  return results.get('logits') ?? new Float32Array();
}

describe('the gradient graph', () => {
  const kinds = {
    cnn: { name: 'cnn', options: { filters: [4, 6], dense: 5, dropout: 0.5 } },
    'cnn with batch normalisation and mean': {
      name: 'cnn',
      options: { filters: [4, 6], dense: 0, head: 'mean', normalization: 'batch' },
    },
    resnet: { name: 'resnet', options: { widths: [8, 8] } },
    mobile: { name: 'mobile', options: { widths: [8, 8] } },
  };

  it.each(Object.entries(kinds))('%s: image gradients agree with finite differences', async (_name, kind) => {
    const model = buildModel(architectureSchema.parse(kind), [1, 8, 8], 3);
    const weights = initialWeights(model, 5);
    const rng = createRng(deriveSeed('explainer-test', 1));
    const image = Float32Array.from({ length: 64 }, () => rng.uniform());
    const layer = lastFeatureLayer(model);
    const runner = await openGraphRunner(explanationGraph(model, 1, layer));
    const results = await runner.run(
      new Map([
        ...parameterFeeds(model, weights),
        ['images', image],
        [CLASS_WEIGHTS, Float32Array.of(0, 1, 0)],
      ]),
    );
    await runner.dispose();
    const direction = Float64Array.from(image, () => rng.normal());
    const parameters = parameterFeeds(model, weights).map(([name, values], i): [string, Tensor64] => [
      name,
      tensor(model.parameters[i]?.dims ?? [], values),
    ]);
    const score = (step: number): number => {
      const moved = Float64Array.from(image, (value, i) => value + step * (direction[i] ?? 0));
      const inputs = new Map([...parameters, ['images', tensor([1, 1, 8, 8], moved)] as const]);
      return runReference(model.graph, inputs)[0]?.data[1] ?? NaN;
    };
    // Small enough that no activation changes sides.
    const step = 1e-7;
    const slope =
      results.get(IMAGE_GRADIENTS)?.reduce((sum, g, i) => sum + g * (direction[i] ?? 0), 0) ?? NaN;
    expect(slope).toBeCloseTo((score(step) - score(-step)) / (2 * step), 4);
    expect(Math.abs(slope)).toBeGreaterThan(1e-3);
    expect(results.get(FEATURES)).toHaveLength(results.get(FEATURE_GRADIENTS)?.length ?? -1);
  });

  it('looks behind the last convolution, before positions are averaged', () => {
    const model = buildModel(
      architectureSchema.parse({ name: 'resnet', options: { widths: [8, 16] } }),
      [3, 12, 12],
      2,
    );
    expect(lastFeatureLayer(model)).toMatchObject({ channels: 16, height: 6, width: 6 });
  });

  it('a model without a feature map: said for Grad-CAM, explained by the others', async () => {
    const build = new GraphBuilder('linear');
    build.input('images', ['N', 1, 1, 4]);
    build.input('w', [4, 2]);
    build.input('b', [2]);
    build.op('Gemm', [build.op('Flatten', ['images']), 'w', 'b'], {}, { outputs: ['logits'] });
    const model: Model = {
      graph: build.build(['logits']),
      parameters: [
        { name: 'w', dims: [4, 2], kind: 'kernel', trainable: true, initializer: { kind: 'zeros' } },
        { name: 'b', dims: [2], kind: 'bias', trainable: true, initializer: { kind: 'zeros' } },
      ],
      imageDims: [1, 1, 4],
      classCount: 2,
    };
    const explainer = createExplainer(model, Float32Array.of(0, 1, 0, 2, 0, 3, 0, 4, 0, 0));
    const image = Float32Array.of(0, 1, 0, 1);
    const request = { image, classIndex: 1 };
    await expect(explainer.explain({ ...request, method: 'gradcam' })).rejects.toThrow(/use occlusion/);
    const { values } = await explainer.explain({ ...request, method: 'integrated-gradients' });
    expect([...values].map((value) => Number(value.toFixed(4)))).toEqual([0, 2, 0, 4]);
    await explainer.dispose();
  });
});

describe('explanations of a trained model on phantoms whose signs are known', () => {
  const { dataset, marks } = makeMarkedPhantoms({ count: SEEN + 400, seed: 1 });
  let images: Float32Array;
  /** Images that the model has not seen and names rightly, by class. */
  let named: ReadonlyMap<number, readonly number[]>;
  let explainer: Explainer;
  let randomised: Explainer;
  const imageAt = (index: number): Float32Array => images.subarray(index * 784, (index + 1) * 784);

  beforeAll(async () => {
    const unseen = Array.from({ length: 400 }, (_, i) => SEEN + i);
    const options = preprocessingSchema.parse(file.description.preprocessing);
    ({ images } = selectExamples(await preprocess(dataset, options), unseen));
    const runner = await openGraphRunner(inferenceGraph(file.model, unseen.length));
    const results = await runner.run(
      new Map([...parameterFeeds(file.model, file.weights), ['images', images]]),
    );
    await runner.dispose();
    const logits = results.get('logits') ?? new Float32Array();
    const isRight = (i: number): boolean => {
      const row = [...logits.subarray(3 * i, 3 * i + 3)];
      return row.indexOf(Math.max(...row)) === dataset.labels[SEEN + i];
    };
    const right = unseen.map((_, i) => i).filter(isRight);
    named = new Map(
      [NODULE, EFFUSION].map((label) => [label, right.filter((i) => dataset.labels[SEEN + i] === label)]),
    );
    explainer = createExplainer(file.model, file.weights);
    randomised = createExplainer(file.model, randomisedWeights(file.model, file.weights, 1));
  });
  afterAll(async () => {
    await explainer.dispose();
    await randomised.dispose();
  });

  it('marked phantoms are the phantoms, and every sign is marked', () => {
    const { pixels, ...rest } = makePhantoms({ count: 40, seed: 1 });
    expect(pixels).toEqual(dataset.pixels.subarray(0, pixels.length));
    expect(rest.labels).toEqual(dataset.labels.subarray(0, 40));
    dataset.labels.forEach((label, i) => {
      expect(marks[i]?.some((mark) => mark === 1)).toBe(label !== 0);
    });
  });

  /** Share of images whose strongest pixel lies on the sign; two pixels beside it are half a cell of a 7×7 map. */
  async function pointingGame(method: ExplanationMethod, label: number, count: number): Promise<number> {
    const chosen = (named.get(label) ?? []).slice(0, count);
    expect(chosen.length).toBe(count);
    let hits = 0;
    for (const i of chosen) {
      const map = await explainer.explain({ image: imageAt(i), classIndex: label, method });
      if (pointsAt(map, marks[SEEN + i] ?? [], 2)) hits++;
    }
    return hits / count;
  }

  it.each([
    ['gradcam', NODULE],
    ['gradcam', EFFUSION],
    ['gradcam++', NODULE],
    ['gradcam++', EFFUSION],
    ['integrated-gradients', NODULE],
  ] as const)('%s points at the sign of class %i in at least .8 of images', async (method, label) => {
    expect(
      await pointingGame(method, label, method === 'integrated-gradients' ? 30 : 60),
    ).toBeGreaterThanOrEqual(0.8);
  });

  it.each(EXPLANATION_METHODS)('%s: randomised weights give another map', async (method) => {
    const chosen = (named.get(NODULE) ?? []).slice(0, 5);
    let total = 0;
    for (const i of chosen) {
      const request = { image: imageAt(i), classIndex: NODULE, method };
      total += rankCorrelation(await explainer.explain(request), await randomised.explain(request));
    }
    expect(Math.abs(total / chosen.length)).toBeLessThan(0.4);
  });

  it('integrated gradients add up to the difference of the logits', async () => {
    const image = imageAt(named.get(NODULE)?.[0] ?? 0);
    const baseline = new Float32Array(image.length).fill(Math.min(...image));
    const { values } = await explainer.explain({
      ...{ image, classIndex: NODULE, method: 'integrated-gradients', baseline, steps: 256 },
    });
    const difference =
      ((await logitsOf(file.model, file.weights, image))[NODULE] ?? NaN) -
      ((await logitsOf(file.model, file.weights, baseline))[NODULE] ?? NaN);
    const sum = values.reduce((a, b) => a + b, 0);
    expect(Math.abs(sum - difference)).toBeLessThan(0.02 * Math.abs(difference));
  });

  it('the same map on both engines', async () => {
    const wasm = createExplainer(file.model, file.weights, { engine: 'onnx-wasm' });
    const request = { image: imageAt(0), classIndex: NODULE, method: 'gradcam' } as const;
    const [here, there] = [await explainer.explain(request), await wasm.explain(request)];
    here.values.forEach((value, i) => {
      expect(Math.abs(value - (there.values[i] ?? NaN))).toBeLessThan(1e-4);
    });
    await wasm.dispose();
  });
});
