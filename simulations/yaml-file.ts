/** A YAML (or JSON) file that a flag names. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { z } from 'zod';
import { InputError, messageOf } from '../shared/errors.ts';

/** @throws InputError naming the flag, the file and the field that is wrong */
export function readYamlFile<T>(flag: string, path: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new InputError(`${flag} ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue) => `${issue.path.map(String).join('.') || 'the file'}: ${issue.message}`,
  );
  throw new InputError(`${flag} ${path}: ${problems.join('; ')}`);
}
