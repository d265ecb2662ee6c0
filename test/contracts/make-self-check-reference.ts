/**
 * Prints the reference values of the engines' self-check, for `shared/learning/engines/self-check-reference.ts`:
 * `npx tsx test/contracts/make-self-check-reference.ts`. Computed by plain JavaScript (engine `tensorflow-js`).
 */
import {
  selfCheckBatch,
  selfCheckModel,
  selfCheckOptions,
  selfCheckWeights,
} from '../../shared/learning/engines/self-check-model.ts';
import { openTensorFlow } from '../../shared/learning/engines/tensorflow.ts';

const engine = await openTensorFlow('tensorflow-js');
const compiled = await engine.compile(selfCheckModel(), selfCheckOptions);
const weights = selfCheckWeights();
const gradients = new Float32Array(weights.length);
const { loss } = await compiled.gradients(weights, selfCheckBatch(), gradients);
await compiled.dispose();
const words = Array.from(gradients, (value) => String(Number(value.toPrecision(7))));
const lines: string[] = [];
for (const word of words) {
  const last = lines.at(-1);
  if (last === undefined || last.length + word.length > 108) lines.push(word);
  else lines[lines.length - 1] = `${last} ${word}`;
}
process.stdout.write(`loss ${String(loss)}\n${lines.join('\n')}\n`);
