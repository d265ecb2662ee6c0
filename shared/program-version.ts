/** The version of this program, from its own package.json. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { InvariantError } from './errors.ts';

const packageSchema = z.object({ name: z.string(), version: z.string() });

/** Undefined where there is none. */
export function readPackage(path: string): z.infer<typeof packageSchema> | undefined {
  if (!existsSync(path)) return undefined;
  const parsed = packageSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  return parsed.success ? parsed.data : undefined;
}

/** The folder of this program's package.json; sources and compiled files are at different depths below it. */
export function programFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    if (readPackage(join(folder, 'package.json'))?.name === 'consilium') return folder;
    const parent = dirname(folder);
    if (parent === folder) throw new InvariantError('the package.json of this program is missing');
    folder = parent;
  }
}

export function programVersion(): string {
  return readPackage(join(programFolder(), 'package.json'))?.version ?? 'unknown';
}
