/**
 * Real images for tests and benchmarks, where they are present: the folder that CONSILIUM_TEST_DATA names, by
 * default `../shared/data` beside the project.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const projectRoot = fileURLToPath(new URL('..', import.meta.url));
const folder = process.env['CONSILIUM_TEST_DATA'] ?? join(projectRoot, '..', 'shared', 'data');

/** The path of a test file, or undefined where the test data are absent: the test then skips and says why. */
export function testDataPath(relative: string): string | undefined {
  const path = join(folder, relative);
  return existsSync(path) ? path : undefined;
}

export const TEST_DATA_REASON = 'test images are absent (set CONSILIUM_TEST_DATA)';
