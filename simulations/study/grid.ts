/**
 * Many simulations from one configuration: the cartesian product of a grid's values, each with every seed. A grid names fields
 * of the configuration: `{ sites: [5, 10], training.learningRate: [0.001, 0.01] }`.
 */
import { z } from 'zod';
import { InputError } from '../../shared/errors.ts';
import { parseSimulation, type SimulationConfig } from '../simulation-config.ts';

/** More runs than this are a mistake in the grid rather than a plan. */
const MAX_RUNS = 1000;

export const gridSchema = z.record(z.string().min(1), z.array(z.json()).min(1));
export type Grid = z.infer<typeof gridSchema>;
type Value = Grid[string][number];

export interface PlannedRun {
  /** The grid's values: "sites=5, training.learningRate=0.01"; empty without a grid. */
  readonly label: string;
  readonly values: Readonly<Record<string, Value>>;
  readonly config: SimulationConfig;
}

/** Every combination of one value for each field; the last field changes fastest. */
export function combinations(grid: Grid): Record<string, Value>[] {
  return Object.entries(grid).reduce<Record<string, Value>[]>(
    (made, [field, values]) =>
      made.flatMap((combination) => values.map((value) => ({ ...combination, [field]: value }))),
    [{}],
  );
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  // A strategy or architecture that is given by its name alone.
  typeof value === 'string'
    ? { name: value }
    : typeof value === 'object' && value !== null
      ? { ...value }
      : {};

/** The configuration with another value in a field such as "training.learningRate". */
export function withField(
  input: Readonly<Record<string, unknown>>,
  field: string,
  value: unknown,
): Record<string, unknown> {
  const dot = field.indexOf('.');
  if (dot < 0) return { ...input, [field]: value };
  const head = field.slice(0, dot);
  return { ...input, [head]: withField(fieldsOf(input[head]), field.slice(dot + 1), value) };
}

const labelOf = (values: Readonly<Record<string, Value>>): string =>
  Object.entries(values)
    .map(([field, value]) => `${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');

/**
 * @param seedCount simulations of each combination, with the seeds that follow the configuration's
 * @throws InputError naming the combination that is not a valid configuration, before anything runs
 */
export function planRuns(
  input: Readonly<Record<string, unknown>> & { readonly seed: number },
  grid: Grid,
  seedCount: number,
): PlannedRun[] {
  const made = combinations(grid);
  if (made.length * seedCount > MAX_RUNS)
    throw new InputError(
      `the sweep has ${String(made.length * seedCount)} runs; at most ${String(MAX_RUNS)} are carried out`,
    );
  return made.flatMap((values) => {
    const label = labelOf(values);
    const start = Object.entries(values).reduce<Record<string, unknown>>(
      (made, [field, value]) => withField(made, field, value),
      input,
    );
    return Array.from({ length: seedCount }, (_, i): PlannedRun => {
      const seed = typeof start['seed'] === 'number' ? start['seed'] : input.seed;
      return { label, values, config: parseLabelled({ ...start, seed: seed + i }, label) };
    });
  });
}

function parseLabelled(input: unknown, label: string): SimulationConfig {
  try {
    return parseSimulation(input);
  } catch (error) {
    if (!(error instanceof InputError) || label === '') throw error;
    throw new InputError(`with ${label}: ${error.message}`, { cause: error });
  }
}
