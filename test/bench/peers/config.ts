/** The environment that peers are started with. */
export const inheritedEnvironment = (additions: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  ...process.env,
  ...additions,
});
