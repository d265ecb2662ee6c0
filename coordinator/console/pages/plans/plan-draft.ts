/**
 * A plan while it is written: YAML or JSON text, checked with the very schema that the coordinator checks with, each
 * problem with its line; and changed field by field without touching the rest, comments included.
 */
import { isCollection, isNode, isScalar, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import type { z } from 'zod';
import { planSchema, type Plan } from '../../../../shared/protocol/plan-schema.ts';
import { PROTOCOL_VERSION } from '../../../../shared/protocol/version.ts';

export interface DraftProblem {
  /** `federation.rounds`; empty for the text as a whole. */
  readonly field: string;
  readonly message: string;
  /** From 1; undefined where the text has no such place. */
  readonly line: number | undefined;
}

export interface PlanDraft {
  /** As written, without defaults; undefined where it is not YAML. */
  readonly value: unknown;
  /** Undefined where there are problems. */
  readonly plan: Plan | undefined;
  readonly problems: readonly DraftProblem[];
}

export type FieldPath = readonly (string | number)[];

/** As at the coordinator: aliases that refer to aliases are how a small text becomes a large value. */
const MAX_ALIASES = 10;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value at a path of keys; undefined where there is none. */
export function valueAt(value: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>((inner, key) => {
    if (Array.isArray(inner) && typeof key === 'number') return inner[key] as unknown;
    return isRecord(inner) ? inner[key] : undefined;
  }, value);
}

/**
 * What the coordinator adds to the text before it checks. The number of parameters follows from the architecture, which
 * only the coordinator builds: any number stands in for it here.
 */
function completed(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const counted = value['architecture'] === undefined ? {} : { parameterCount: 1 };
  return { protocolVersion: PROTOCOL_VERSION, ...counted, ...value };
}

/** The line of the innermost part of the path that is there. */
function lineOf(document: Document, lines: LineCounter, path: FieldPath): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

const keyOf = (key: PropertyKey): string | number => (typeof key === 'symbol' ? String(key) : key);

function problemOf(issue: z.core.$ZodIssue, document: Document, lines: LineCounter): DraftProblem {
  const path = issue.path.map(keyOf);
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  return {
    field: path.join('.'),
    message: issue.message,
    line: lineOf(document, lines, [...path, ...unknown]),
  };
}

export function readDraft(text: string): PlanDraft {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'error' });
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ message, linePos }) => ({
      field: '',
      // The lines after the first repeat the text.
      message: message.split(' at line ')[0] ?? message,
      line: linePos?.[0].line,
    }));
    return { value: undefined, plan: undefined, problems };
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch {
    const message = 'aliases refer to aliases too often: write the values out';
    return { value: undefined, plan: undefined, problems: [{ field: '', message, line: undefined }] };
  }
  const parsed = planSchema.safeParse(completed(value));
  if (parsed.success) return { value, plan: parsed.data, problems: [] };
  const problems = parsed.error.issues.map((issue) => problemOf(issue, document, lines));
  return { value, plan: undefined, problems };
}

/** A word or several that YAML reads as themselves, also between commas. */
const PLAIN_TEXT = /^\p{L}(?:[\p{L}\p{N} _-]*[\p{L}\p{N}])?$/u;
/** Words that YAML 1.1 or 1.2 reads as something else. */
const KEYWORD = /^(?:true|false|null|yes|no|on|off|y|n)$/i;

/** A value on one line; undefined: it is more than that. JSON's texts are texts of YAML (1.2.2, §1.3). */
function scalarText(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return undefined;
  return PLAIN_TEXT.test(value) && !KEYWORD.test(value) ? value : JSON.stringify(value);
}

/** The text with one value in the place of another; undefined where either is more than a plain value. */
function replaceScalar(
  text: string,
  document: Document,
  path: FieldPath,
  value: unknown,
): string | undefined {
  const node = document.getIn(path, true);
  const written = scalarText(value);
  if (written === undefined || !isScalar(node) || !node.range) return undefined;
  if (node.anchor !== undefined || node.tag !== undefined || node.range[0] === node.range[1])
    return undefined;
  return `${text.slice(0, node.range[0])}${written}${text.slice(node.range[1])}`;
}

/** The value as a node, on one line where what it takes the place of is. */
function nodeLike(document: Document, path: FieldPath, value: unknown): Node {
  const node = document.createNode(value);
  const before = document.getIn(path, true);
  if (isCollection(node) && isCollection(before)) node.flow = before.flow === true;
  return node;
}

function changeField(text: string, path: FieldPath, value: unknown): string {
  const document = parseDocument(text, { logLevel: 'error' });
  if (document.errors.length > 0) return text;
  const replaced = replaceScalar(text, document, path, value);
  if (replaced !== undefined) return replaced;
  if (value === undefined) document.deleteIn(path);
  else document.setIn(path, nodeLike(document, path, value));
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/**
 * The text with the fields at the paths set to the value; undefined removes them. Where a value only takes the place of
 * another one nothing else changes, not even the spacing. A text that is not YAML stays.
 */
export function changeDraft(text: string, paths: readonly FieldPath[], value: unknown): string {
  return paths.reduce((changed, path) => changeField(changed, path, value), text);
}

/** The beginning of a new plan. */
export const NEW_PLAN_TEXT = `# What is trained: the classes and the size of the images, [channels, height, width].
task:
  name: chest x-rays
  classNames: [normal, pneumonia]
  imageDims: [1, 64, 64]
preprocessing:
  size:
    height: 64
    width: 64
architecture:
  name: cnn
# What each site does in a round.
training:
  epochs: 2
  batchSize: 32
  learningRate: 0.001
federation:
  strategy: fedavg
  rounds: 10
  minimumCohort: 5
  minimumSurvivors: 4
# The coordinator learns sums of updates, never a single one.
protection:
  mode: secure-aggregation
evaluation:
  localValidationFraction: 0.1
seed: 1
`;
