/**
 * A strategy on the command line: its name, a YAML or JSON text or file, and flags for single parameters, which win.
 * `--strategy fedprox --mu 0.1` and `--strategy '{name: fedprox, mu: 0.1}'` say the same.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { InputError, messageOf } from '../shared/errors.ts';
import {
  serverScheduleSchema,
  STRATEGY_NAMES,
  STRATEGY_SUMMARIES,
  strategySchema,
  type ServerSchedule,
  type Strategy,
} from '../shared/protocol/strategy.ts';

/** The parameters that have a flag of their own, by the flag's name. */
export interface StrategyFlags {
  readonly mu?: number;
  readonly momentum?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly tau?: number;
  readonly serverLearningRate?: number;
  /** As `parseServerSchedule` takes it. */
  readonly serverSchedule?: string;
}

export const SERVER_SCHEDULE_FORMS = [
  'constant',
  'step:rounds[:factor]',
  'exponential[:factor]',
  'cosine[:floor]',
];

/** "cosine:0.1" → the schedule. @throws InputError listing the forms. */
export function parseServerSchedule(text: string): ServerSchedule {
  const [kind = '', ...values] = text.split(':');
  const [first, second] = values.map(Number);
  const candidates: Readonly<Record<string, object>> = {
    constant: { kind },
    step: { kind, everyRounds: first, factor: second },
    exponential: { kind, factor: first },
    cosine: { kind, floorFraction: first },
  };
  const most = kind === 'step' ? 2 : kind === 'constant' ? 0 : 1;
  const parsed = serverScheduleSchema.safeParse(candidates[kind]);
  if (parsed.success && values.length <= most) return parsed.data;
  throw new InputError(
    `server schedule "${text}" is not known or out of range; choose ${SERVER_SCHEDULE_FORMS.join(', ')}`,
  );
}

const isFile = (text: string): boolean => /\.(ya?ml|json)$/i.test(text);

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new InputError(`--strategy ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** An object of settings, or a name alone. */
function settingsIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = parse(isFile(text) ? readText(text) : text);
    const settings = z
      .record(z.string(), z.unknown())
      .safeParse(typeof value === 'string' ? { name: value } : value);
    if (settings.success) return settings.data;
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(`--strategy ${text} is not valid YAML or JSON: ${messageOf(cause)}`, { cause });
  }
  throw new InputError(`--strategy ${text}: expected a name, or settings such as {name: fedprox, mu: 0.01}`);
}

/** @throws InputError naming the parameter that the strategy does not have or that is out of range */
export function parseStrategy(text: string, { serverSchedule, ...flags }: StrategyFlags = {}): Strategy {
  const parsed = strategySchema.safeParse({
    ...settingsIn(text),
    ...flags,
    ...(serverSchedule !== undefined && { serverSchedule: parseServerSchedule(serverSchedule) }),
  });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => [...path.map(String), message].join(': '));
  throw new InputError(`--strategy ${text}: ${problems.join('; ')}`);
}

/** One line for each strategy. */
export function strategyList(): string {
  const width = Math.max(...STRATEGY_NAMES.map((name) => name.length));
  return STRATEGY_NAMES.map((name) => `${name.padEnd(width)}  ${STRATEGY_SUMMARIES[name]}\n`).join('');
}
