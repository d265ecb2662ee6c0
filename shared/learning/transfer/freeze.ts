/**
 * Freezing: parameters that keep their values. They are not differentiated, nothing that only they need is computed, and
 * they are not part of what a site sends. The running statistics of a frozen normalisation stay as they are too, so that
 * a frozen layer computes what it did.
 */
import { InputError } from '../../errors.ts';
import type { Model, Parameter } from '../graph/types.ts';
import { headParameters } from './head.ts';

/** `*` stands for any characters; everything else for itself. */
function expressionOf(pattern: string): RegExp {
  const parts = pattern.split(/\*+/).map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

/** Whether a name matches at least one pattern. */
export function matcherOf(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map(expressionOf);
  return (name) => expressions.some((expression) => expression.test(name));
}

/** The first names, for messages. */
const someOf = (names: readonly string[]): string =>
  `${names.slice(0, 6).join(', ')}${names.length > 6 ? `, … (${String(names.length)} in all)` : ''}`;

function requireMatches(model: Model, patterns: readonly string[]): void {
  const names = model.parameters.map(({ name }) => name);
  for (const pattern of patterns)
    if (!names.some(matcherOf([pattern])))
      throw new InputError(`freeze "${pattern}" matches no parameter of the model; it has ${someOf(names)}`);
}

/**
 * The model with every parameter frozen whose name matches a pattern, for example `features.*`.
 * @throws InputError when a pattern matches nothing, or nothing is left to train
 */
export function withFrozen(model: Model, patterns: readonly string[]): Model {
  if (patterns.length === 0) return model;
  requireMatches(model, patterns);
  const isFrozen = matcherOf(patterns);
  const parameters = model.parameters.map((parameter): Parameter =>
    isFrozen(parameter.name) ? { ...parameter, trainable: false, frozen: true } : parameter,
  );
  if (!parameters.some(({ trainable }) => trainable))
    throw new InputError(`freeze ${patterns.join(', ')} leaves no parameter to train`);
  return { ...model, parameters };
}

/**
 * The model with a factor on the learning rate of everything but its head (Howard, Ruder 2018, "Universal Language Model
 * Fine-tuning", §3.2, with two groups).
 * @param factor greater than 0; 1 trains all alike
 */
export function withBodyRate(model: Model, factor: number): Model {
  if (factor === 1) return model;
  const head = headParameters(model);
  const parameters = model.parameters.map((parameter): Parameter =>
    head.has(parameter.name) ? parameter : { ...parameter, learningRateFactor: factor },
  );
  return { ...model, parameters };
}
