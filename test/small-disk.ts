/** A file system of a few megabytes that a test may fill. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  readonly path: string;
  readonly remove: () => void;
}

/** Or the reason why there is none: mounting needs a permission that few accounts have. */
export function smallDisk(bytes: number): SmallDisk | string {
  const path = mkdtempSync(join(tmpdir(), 'consilium-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${String(bytes)}`, 'tmpfs', path], { stdio: 'pipe' });
  } catch (error) {
    rmSync(path, { recursive: true });
    return `a file system cannot be mounted here: ${String(error).split('\n')[0] ?? ''}`;
  }
  return {
    path,
    remove: () => {
      // What is still open in it goes with its last user.
      execFileSync('umount', ['--lazy', path]);
      rmSync(path, { recursive: true });
    },
  };
}
