/** Every operator that a foreign graph may hold, with what it becomes. */
import type { ImportOperator } from '../node-view.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { LAYOUT } from './layout.ts';
import { LINEAR } from './linear.ts';
import { NORMALIZATION } from './normalization.ts';

const OPERATORS: Readonly<Record<string, ImportOperator>> = {
  ...ELEMENTWISE,
  ...LAYOUT,
  ...LINEAR,
  ...NORMALIZATION,
};

export function findImportOperator(op: string): ImportOperator | undefined {
  return Object.hasOwn(OPERATORS, op) ? OPERATORS[op] : undefined;
}

/** Their names, sorted, for messages. */
export const IMPORTED_OPERATORS: readonly string[] = Object.keys(OPERATORS).sort();
