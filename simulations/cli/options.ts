/** What several commands need to read their flags. */
import { InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import { InputError } from '../../shared/errors.ts';

export function numberFlag(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('A number is needed.');
  return value;
}

/** Not below 0. */
export function integer(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('A whole number is needed.');
  return value;
}

/** @throws InputError naming each flag and what it takes */
export function parseFlags<T>(schema: z.ZodType<T>, raw: unknown): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${flagOf(String(path[0] ?? ''))}: ${message}`,
  );
  throw new InputError(problems.join('; '));
}

/** learningRate → --learning-rate */
const flagOf = (name: string): string =>
  `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
