/**
 * What is kept of an error that ended a run. Everybody who may log in reads it, while messages name paths, images and
 * addresses: those are for the log alone.
 */
import { codeOf } from '../../shared/errors.ts';

const SENTENCES: ReadonlyMap<string, string> = new Map([
  ['INPUT', 'the plan, or something of the configuration, cannot be used'],
  ['GRAPH', 'the network of the plan cannot be built'],
  ['ENGINE', 'the engine that judges models failed'],
  ['DATA', 'the images that models are judged with cannot be used'],
  ['EVALUATION', 'the model could not be judged'],
  ['STORAGE', 'a file or the database could not be read or written'],
]);
const INTERNAL = 'internal: the program failed';

/** A fixed sentence for each code of an error. */
export function failureText(error: unknown): string {
  const code = codeOf(error);
  const sentence = SENTENCES.get(code);
  return `${sentence === undefined ? INTERNAL : `${code}: ${sentence}`}; the coordinator’s log says more`;
}
