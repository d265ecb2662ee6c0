/** The Python that checks what we write: the one that CONSILIUM_PYTHON names, by default `python3`. */
import { execFileSync } from 'node:child_process';

const executable = process.env['CONSILIUM_PYTHON'] ?? 'python3';

export interface Python {
  readonly executable: string;
  /** Why it cannot be used; undefined when it can. */
  readonly missing: string | undefined;
}

/** Looks whether the interpreter starts and has the given modules. */
export function findPython(...modules: readonly string[]): Python {
  try {
    execFileSync(executable, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore', timeout: 60_000 });
    return { executable, missing: undefined };
  } catch {
    const missing = `${executable} has no ${modules.join(', ')} (set CONSILIUM_PYTHON)`;
    return { executable, missing };
  }
}
