/**
 * A CompiledModel without an engine: softmax regression in plain float64, with one dropout mask on its input and a slot
 * for the mean of its input, so that everything the loop does can be checked against a few lines.
 */
import type { Batch, CompiledModel, StepResult } from '../../../../shared/learning/engines/engine.ts';
import type { LabelledImages } from '../../../../shared/learning/training/labelled-images.ts';
import { createRng, deriveSeed } from '../../../../shared/rng.ts';
import { manifestWith } from './manifests.ts';

export interface FakeModel extends CompiledModel {
  /** Copies of the batches seen. */
  readonly batches: Batch[];
}

export const regressionManifest = (features: number, classes: number) =>
  manifestWith([
    { kind: 'kernel', length: features * classes },
    { kind: 'bias', length: classes, name: 'head.bias' },
    { kind: 'runningMean', length: features },
  ]);

export function softmax(logits: readonly number[]): number[] {
  const top = Math.max(...logits);
  const exponentials = logits.map((z) => Math.exp(z - top));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((e) => e / sum);
}

function logitsOf(weights: Float32Array, input: Float32Array, classes: number): number[] {
  const features = input.length;
  return Array.from({ length: classes }, (_, c) =>
    input.reduce(
      (sum, x, f) => sum + x * (weights[c * features + f] ?? 0),
      weights[features * classes + c] ?? 0,
    ),
  );
}

export function fakeModel(features: number, classes: number, dropoutRatio = 0): FakeModel {
  const batches: Batch[] = [];
  const gradients = (weights: Float32Array, batch: Batch, out: Float32Array): StepResult => {
    batches.push(structuredClone(batch));
    const size = batch.sampleWeights.length;
    out.fill(0);
    let loss = 0;
    for (let i = 0; i < size; i++) {
      const input = batch.images.slice(i * features, (i + 1) * features);
      if (batch.dropoutMasks)
        input.forEach((x, f) => (input[f] = x * (batch.dropoutMasks?.[i * features + f] ?? 1)));
      const weight = batch.sampleWeights[i] ?? 0;
      softmax(logitsOf(weights, input, classes)).forEach((p, c) => {
        const target = batch.targets[i * classes + c] ?? 0;
        if (target > 0) loss -= weight * target * Math.log(p);
        const error = weight * (p - target);
        input.forEach((x, f) => (out[c * features + f] = (out[c * features + f] ?? 0) + error * x));
        out[features * classes + c] = (out[features * classes + c] ?? 0) + error;
      });
      const statistics = (features + 1) * classes;
      input.forEach((x, f) => (out[statistics + f] = (out[statistics + f] ?? 0) + x / size));
    }
    return { loss, logits: new Float32Array(size * classes) };
  };
  return {
    batches,
    dropoutMasks: dropoutRatio > 0 ? [{ length: features, ratio: dropoutRatio }] : [],
    gradients: (weights, batch, out) => Promise.resolve(gradients(weights, batch, out)),
    predict: (weights, images) => {
      const logits: number[] = [];
      for (let start = 0; start < images.length; start += features)
        logits.push(...logitsOf(weights, images.subarray(start, start + features), classes));
      return Promise.resolve(Float32Array.from(logits));
    },
    dispose: () => Promise.resolve(),
  };
}

/** `count` images of 1×1×`features`; an image of class c is bright at feature c. */
export function easyImages(count: number, features: number, classes: number, seed = 1): LabelledImages {
  const rng = createRng(deriveSeed('easy-images', seed));
  const labels = Int32Array.from({ length: count }, (_, i) => i % classes);
  const images = Float32Array.from({ length: count * features }, (_, i) => {
    const bright = i % features === (labels[Math.floor(i / features)] ?? 0);
    return rng.normal() * 0.5 + (bright ? 1 : 0);
  });
  return { images, labels, count, imageDims: [1, 1, features] };
}
