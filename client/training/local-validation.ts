/**
 * How the global model does on the site's own validation images, before local training changes it: sums, from which the
 * coordinator makes the metrics of all sites together ("federated evaluation").
 */
import { setImmediate } from 'node:timers/promises';
import type { CompiledModel } from '../../shared/learning/engines/engine.ts';
import { imageLengthOf, type LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import type { LocalValidation } from '../../shared/protocol/update-payload.ts';

/** A few megabytes of images: large enough to be fast, small enough to stop in between. */
const PIECE = 256;

export interface ValidationInput {
  readonly compiled: CompiledModel;
  readonly weights: Float32Array;
  /** At least one image. */
  readonly data: LabelledImages;
  readonly classCount: number;
  /** Looked at between pieces. */
  readonly signal: AbortSignal;
}

/** Undefined when the signal came before the end. */
export async function validateLocally(input: ValidationInput): Promise<LocalValidation | undefined> {
  const { compiled, weights, data, classCount, signal } = input;
  const length = imageLengthOf(data);
  let correctCount = 0;
  let lossSum = 0;
  for (let start = 0; start < data.count; start += PIECE) {
    if (signal.aborted) return undefined;
    const end = Math.min(start + PIECE, data.count);
    // A copy: native engines take no views of shared memory.
    const logits = await compiled.predict(weights, data.images.slice(start * length, end * length));
    for (let i = start; i < end; i++) {
      const row = logits.subarray((i - start) * classCount, (i - start + 1) * classCount);
      const { loss, isCorrect } = judgeExample(row, data.labels[i] ?? 0);
      lossSum += loss;
      if (isCorrect) correctCount++;
    }
    await setImmediate();
  }
  return { exampleCount: data.count, correctCount, lossSum };
}

/** Cross-entropy in nats of one row of logits; of equal logits the first class is the prediction. */
function judgeExample(logits: Float32Array, label: number): { loss: number; isCorrect: boolean } {
  const greatest = Math.max(...logits);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - greatest);
  const loss = greatest + Math.log(sum) - (logits[label] ?? 0);
  return { loss, isCorrect: logits.indexOf(greatest) === label };
}
