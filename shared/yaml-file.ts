/** YAML or JSON files that people write. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { z } from 'zod';
import { InputError, messageOf } from './errors.ts';

/**
 * @param role what the file is to the user: the flag that names it, or a word
 * @param help what to do when it is not there
 * @throws InputError naming role, file and the field that is wrong
 */
export function readYamlFile<T>(role: string, path: string, schema: z.ZodType<T>, help?: string): T {
  let value: unknown;
  try {
    value = parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new InputError(
      `${role} ${path} cannot be read: ${messageOf(cause)}${help === undefined ? '' : `; ${help}`}`,
      { cause },
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InputError(`${role} ${path}: ${problemsOf(parsed.error)}`);
}

/** Every field that is wrong, and why. */
export function problemsOf(error: z.ZodError): string {
  return error.issues
    .map((issue) => `${issue.path.map(String).join('.') || 'the file'}: ${issue.message}`)
    .join('; ');
}
