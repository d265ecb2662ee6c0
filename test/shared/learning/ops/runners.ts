/** The ways in which the operator tests compute a training step. */
import type { Engine } from '../../../../shared/learning/engines/engine.ts';
import { lower } from '../../../../shared/learning/lower/lower.ts';
import type { LowerTarget } from '../../../../shared/learning/lower/target.ts';
import { gradientName, trainingGraph } from '../../../../shared/learning/training-graph.ts';
import { manifestOf } from '../../../../shared/learning/weights.ts';
import { runOnnx } from '../../../reference/onnx-runner.ts';
import type { Runner } from './gradient-case.ts';

/** The derived graph, lowered for `target`, in onnxruntime-node. */
export const lowered =
  (target: LowerTarget): Runner =>
  async (model, options, weights, batch) => {
    const { graph, dropoutMasks } = trainingGraph(model, options);
    const manifest = manifestOf(model);
    const inputs = new Map<string, Float32Array>([
      ['images', batch.images],
      ['targets', batch.targets],
      ['sampleWeights', batch.sampleWeights],
    ]);
    let maskOffset = 0;
    dropoutMasks.forEach(({ length }, i) => {
      const count = length * options.batchSize;
      const given = batch.dropoutMasks?.subarray(maskOffset, maskOffset + count);
      inputs.set(`mask:${String(i)}`, given ?? new Float32Array(count).fill(1));
      maskOffset += count;
    });
    for (const { name, offset, length } of manifest.entries)
      inputs.set(name, weights.subarray(offset, offset + length));
    const results = await runOnnx(lower(graph, target), inputs);
    const gradients = new Float32Array(manifest.length);
    for (const { name, offset, trainable } of manifest.entries) {
      const gradient = results.get(gradientName(name));
      if (trainable && gradient) gradients.set(gradient, offset);
    }
    return { loss: results.get('loss')?.[0] ?? NaN, gradients };
  };

/** An engine behind its interface. */
export const withEngine =
  (engine: Engine): Runner =>
  async (model, options, weights, batch) => {
    const compiled = await engine.compile(model, options);
    try {
      const gradients = new Float32Array(manifestOf(model).length);
      const { loss } = await compiled.gradients(weights, batch, gradients);
      return { loss, gradients };
    } finally {
      await compiled.dispose();
    }
  };
