/** The environment that `install:gpu` hands to npm. */

/** This process's environment with `additions`. */
export const environmentWith = (additions: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  ...process.env,
  ...additions,
});
