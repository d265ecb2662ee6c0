/** New heads, frozen parts and slower bodies, on models that PyTorch exported and on our own. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { architectureSchema, buildModel } from '../../../../shared/learning/architectures/architecture.ts';
import type { Batch } from '../../../../shared/learning/engines/engine.ts';
import { openNativeEngine } from '../../../../shared/learning/engines/onnx-native.ts';
import { GraphBuilder } from '../../../../shared/learning/graph/builder.ts';
import type { Model } from '../../../../shared/learning/graph/types.ts';
import { importModel } from '../../../../shared/learning/import/import-model.ts';
import { lower } from '../../../../shared/learning/lower/lower.ts';
import { STANDARD_TARGET } from '../../../../shared/learning/lower/target.ts';
import { trainingGraph } from '../../../../shared/learning/training-graph.ts';
import { runningStatisticsUpdate } from '../../../../shared/learning/training/running-statistics.ts';
import { withBodyRate, withFrozen } from '../../../../shared/learning/transfer/freeze.ts';
import { headParameters, withNewHead } from '../../../../shared/learning/transfer/head.ts';
import { trainableView } from '../../../../shared/learning/transfer/trainable-view.ts';
import { initialWeights, manifestOf, sizeOf } from '../../../../shared/learning/weights.ts';
import { createRng, deriveSeed } from '../../../../shared/rng.ts';

const engine = await openNativeEngine();
const imported = (name: string): Model => {
  const file = fileURLToPath(new URL(`../../../fixtures/torch/${name}.onnx`, import.meta.url));
  return importModel(new Uint8Array(readFileSync(file))).model;
};
const resnet = imported('tiny-resnet');
const BATCH = 3;

function batchFor(model: Model): Batch {
  const rng = createRng(deriveSeed('transfer'));
  const targets = new Float32Array(BATCH * model.classCount);
  for (let n = 0; n < BATCH; n++) targets[n * model.classCount + (n % model.classCount)] = 1;
  return {
    images: Float32Array.from({ length: BATCH * sizeOf(model.imageDims) }, () => rng.normal()),
    targets,
    sampleWeights: new Float32Array(BATCH).fill(1 / BATCH),
  };
}

async function step(model: Model, weights = initialWeights(model, 1)) {
  const compiled = await engine.compile(model, { batchSize: BATCH, loss: 'softmax' });
  const gradients = new Float32Array(weights.length);
  const { loss } = await compiled.gradients(weights, batchFor(model), gradients);
  const logits = (await compiled.predict(weights, batchFor(model).images)).slice();
  await compiled.dispose();
  return { loss, gradients, logits };
}

describe('the head', () => {
  it.each([
    ['tiny-resnet', ['fc.weight', 'fc.bias'], 10],
    ['tiny-fire-opset11', ['classifier.1.weight', 'classifier.1.bias'], 12],
    ['tiny-vit', ['head.weight', 'head.bias'], 24],
    ['tiny-convnext', ['head.fc.weight', 'head.fc.bias'], 12],
  ])('of %s is found and replaced', async (name, names, features) => {
    const model = imported(name);
    expect([...headParameters(model)].sort()).toEqual([...names].sort());
    const adapted = withNewHead(model, 7);
    expect(adapted.classCount).toBe(7);
    const kept = model.parameters.filter((p) => !names.includes(p.name));
    expect(adapted.parameters.slice(0, -2)).toEqual(kept);
    expect(adapted.parameters.slice(-2)).toMatchObject([
      { name: 'head.weight', dims: [features, 7], kind: 'kernel' },
      { name: 'head.bias', dims: [7], kind: 'bias' },
    ]);
    expect([...headParameters(adapted)].sort()).toEqual(['head.bias', 'head.weight']);
    const { loss, gradients } = await step(adapted);
    expect(loss).toBeGreaterThan(0);
    expect(gradients.some((g) => g !== 0)).toBe(true);
  });

  it('is a linear layer on the features that the old one had', async () => {
    // The old head's own weights in the new one: the same logits.
    const adapted = withNewHead(resnet, 5);
    const old = manifestOf(resnet).entries;
    const from = initialWeights(resnet, 0);
    const to = initialWeights(adapted, 0);
    const slice = (name: string): Float32Array => {
      const entry = old.find((e) => e.name === name);
      return from.subarray(entry?.offset, (entry?.offset ?? 0) + (entry?.length ?? 0));
    };
    const matrix = slice('fc.weight');
    const weightOffset = to.length - 55;
    for (let f = 0; f < 10; f++)
      for (let c = 0; c < 5; c++) to[weightOffset + f * 5 + c] = matrix[c * 10 + f] ?? 0;
    to.set(slice('fc.bias'), to.length - 5);
    const expected = (await step(resnet, from)).logits;
    const actual = (await step(adapted, to)).logits;
    expected.forEach((value, i) => {
      expect(actual[i]).toBeCloseTo(value, 5);
    });
  });

  it('that cannot be told apart is refused', () => {
    const build = new GraphBuilder('headless');
    build.input('images', ['N', 2, 1, 1]);
    build.op('Sigmoid', [build.op('Flatten', ['images'])], {}, { outputs: ['logits'] });
    const model: Model = {
      graph: build.build(['logits']),
      parameters: [],
      imageDims: [2, 1, 1],
      classCount: 2,
    };
    expect(() => withNewHead(model, 3)).toThrow(/No head was found/);
  });
});

describe('frozen parameters', () => {
  const frozen = withFrozen(resnet, ['stem.*', 'layer1.*']);

  it('have no gradient, and the others have the one that they had', async () => {
    // Running statistics are constants in a frozen layer, so that the comparison freezes them in both.
    const options = { batchSize: BATCH, loss: 'softmax', frozenNormalization: true } as const;
    const gradientsOf = async (model: Model): Promise<Float32Array> => {
      const compiled = await engine.compile(model, options);
      const out = new Float32Array(manifestOf(model).length);
      await compiled.gradients(initialWeights(model, 0), batchFor(model), out);
      await compiled.dispose();
      return out;
    };
    const [all, part] = [await gradientsOf(resnet), await gradientsOf(frozen)];
    for (const { name, offset, length } of manifestOf(frozen).entries) {
      const isFrozen = name.startsWith('stem.') || name.startsWith('layer1.');
      const expected = isFrozen ? new Float32Array(length) : all.subarray(offset, offset + length);
      expect(part.subarray(offset, offset + length), name).toEqual(expected);
    }
  });

  it('cost no gradient nodes', () => {
    const options = { batchSize: BATCH, loss: 'softmax' } as const;
    const count = (model: Model): number =>
      lower(trainingGraph(model, options).graph, STANDARD_TARGET).nodes.length;
    const headOnly = withFrozen(resnet, ['stem.*', 'layer*']);
    expect(count(frozen)).toBeLessThan(count(resnet));
    expect(count(headOnly)).toBeLessThan(resnet.graph.nodes.length + 20);
    const ops = trainingGraph(headOnly, options).graph.nodes.map(({ op }) => op);
    expect(ops.filter((op) => op.startsWith('Conv') && op.endsWith('Grad'))).toEqual([]);
  });

  it('keep their running statistics, and normalise by them', async () => {
    const { gradients } = await step(frozen);
    const manifest = manifestOf(frozen);
    const weights = initialWeights(frozen, 1);
    const before = weights.slice();
    runningStatisticsUpdate(manifest, 0.5)(weights, gradients);
    for (const { name, kind, offset, length } of manifest.entries) {
      const changed = weights.subarray(offset, offset + length).some((w, i) => w !== before[offset + i]);
      expect(changed, name).toBe(kind.startsWith('running') && name.startsWith('layer2.'));
    }
    const ops = trainingGraph(frozen, { batchSize: BATCH, loss: 'softmax' }).graph.nodes.map(({ op }) => op);
    expect(ops.filter((op) => op === 'BatchNormalization')).toHaveLength(3);
    expect(ops.filter((op) => op === 'BatchNormTraining')).toHaveLength(3);
  });

  it('must be there, and leave something to train', () => {
    expect(() => withFrozen(resnet, ['features.*'])).toThrow(
      /"features\.\*" matches no parameter.*stem\.0\.weight/,
    );
    expect(() => withFrozen(resnet, ['*'])).toThrow(/leaves no parameter to train/);
    expect(() => withFrozen(resnet, ['stem'])).toThrow(/"stem" matches no parameter/);
    expect(withFrozen(resnet, [])).toBe(resnet);
  });

  it('a dot in a pattern is a dot', () => {
    const names = withFrozen(resnet, ['fc.bias']).parameters;
    expect(names.filter((p) => p.frozen === true).map(({ name }) => name)).toEqual(['fc.bias']);
    expect(() => withFrozen(resnet, ['fc-bias'])).toThrow(/matches no parameter/);
  });
});

describe('the trainable part of a vector', () => {
  const cnn = buildModel(
    architectureSchema.parse({ name: 'cnn', options: { filters: [4, 8] } }),
    [1, 8, 8],
    2,
  );

  it('leaves out what is frozen, and comes back to its place', () => {
    const manifest = manifestOf(withFrozen(resnet, ['layer1.*']));
    const view = trainableView(manifest);
    const names = view.manifest.entries.map(({ name }) => name);
    expect(names).toEqual(manifest.entries.flatMap(({ name }) => (name.startsWith('layer1.') ? [] : [name])));
    const full = Float32Array.from({ length: manifest.length }, (_, i) => i + 1);
    const part = view.pick(full);
    for (const { name, offset } of view.manifest.entries) {
      const original = manifest.entries.find((entry) => entry.name === name);
      expect(part[offset]).toBe((original?.offset ?? NaN) + 1);
    }
    const target = new Float32Array(manifest.length);
    view.put(
      part.map((value) => -value),
      target,
    );
    for (const { name, offset, length } of manifest.entries)
      for (let i = offset; i < offset + length; i++)
        expect(target[i]).toBe(name.startsWith('layer1.') ? 0 : -(i + 1));
  });

  it('picked and put back is the same vector, whatever is frozen', () => {
    const { entries } = manifestOf(cnn);
    const manifest = manifestOf(cnn);
    fc.assert(
      fc.property(fc.subarray(entries.map(({ name }) => name)), fc.nat(1000), (patterns, seed) => {
        const view = trainableView(manifest, patterns);
        const rng = createRng(deriveSeed('view', seed));
        const full = Float32Array.from({ length: manifest.length }, () => rng.normal());
        const copy = full.slice();
        view.put(view.pick(full), copy);
        expect(copy).toEqual(full);
        const frozenLength = entries.reduce((sum, e) => sum + (patterns.includes(e.name) ? e.length : 0), 0);
        expect(view.manifest.length).toBe(manifest.length - frozenLength);
      }),
      { numRuns: 50 },
    );
  });

  it('of another model is refused', () => {
    const view = trainableView(manifestOf(cnn));
    expect(() => view.pick(new Float32Array(3))).toThrow(/another model/);
    expect(() => {
      view.put(new Float32Array(3), initialWeights(cnn, 0));
    }).toThrow(/another model/);
  });
});

describe('a slower body', () => {
  it('has the factor on everything but the head', () => {
    const slow = withBodyRate(withNewHead(resnet, 2), 0.1);
    for (const { name, learningRateFactor } of manifestOf(slow).entries)
      expect(learningRateFactor, name).toBe(name.startsWith('head.') ? undefined : 0.1);
    expect(withBodyRate(resnet, 1)).toBe(resnet);
  });
});
