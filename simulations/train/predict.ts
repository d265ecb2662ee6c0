/** Logits of any number of images, in pieces, so that messages are handled in between. */
import { setImmediate } from 'node:timers/promises';
import type { CompiledModel } from '../../shared/learning/engines/engine.ts';
import { imageLengthOf, type LabelledImages } from '../../shared/learning/training/labelled-images.ts';

/** A few megabytes of images: large enough to be fast, small enough to stop in between. */
const CHUNK = 256;

/** [count, classes] */
export async function predictLogits(
  compiled: CompiledModel,
  weights: Float32Array,
  data: LabelledImages,
  classCount: number,
): Promise<Float32Array> {
  const length = imageLengthOf(data);
  const logits = new Float32Array(data.count * classCount);
  for (let start = 0; start < data.count; start += CHUNK) {
    const end = Math.min(start + CHUNK, data.count);
    // A copy: native engines take no views of shared memory.
    logits.set(
      await compiled.predict(weights, data.images.slice(start * length, end * length)),
      start * classCount,
    );
    await setImmediate();
  }
  return logits;
}
