/**
 * Which versions of the ONNX operator set are read. Our operators follow version 21; an older version is read where
 * the operator meant the same then (github.com/onnx/onnx, docs/Changelog.md), and refused with the reason elsewhere.
 */
import { GraphError } from '../../errors.ts';
import { describeNode } from './attributes.ts';
import { WRITTEN_OPSET } from './onnx-schema.ts';
import type { Node } from './types.ts';

export const OLDEST_OPSET = 11;
export const NEWEST_OPSET = WRITTEN_OPSET;

interface Change {
  /** The first version with today's meaning. */
  readonly since: number;
  readonly reason: string;
  /** Whether the change touches this node; absent: every node of the operator. */
  readonly touches?: (node: Node) => boolean;
}

const CHANGES: ReadonlyMap<string, Change> = new Map<string, Change>([
  ['ReduceSum', { since: 13, reason: 'its axes were an attribute' }],
  ['ReduceMean', { since: 18, reason: 'its axes were an attribute' }],
  ['Softmax', { since: 13, reason: 'it flattened its input to a matrix' }],
  ['LogSoftmax', { since: 13, reason: 'it flattened its input to a matrix' }],
  ['Dropout', { since: 12, reason: 'its ratio was an attribute' }],
  ['GroupNormalization', { since: 21, reason: 'its scale and bias were per group' }],
  ['Pad', { since: 18, reason: 'it had no axes input' }],
  [
    'BatchNormalization',
    {
      since: 14,
      reason: 'its training form had five outputs',
      touches: (node) => node.outputs.length > 1,
    },
  ],
]);

/** @throws GraphError outside the versions that are read. */
export function requireOpset(version: number | undefined): number {
  if (version === undefined) throw new GraphError('The file does not say which ONNX operator set it uses.');
  if (version < OLDEST_OPSET || version > NEWEST_OPSET)
    throw new GraphError(
      `The file uses version ${String(version)} of the ONNX operator set; ` +
        `${String(OLDEST_OPSET)} to ${String(NEWEST_OPSET)} are read (export it with one of them).`,
    );
  return version;
}

/** @throws GraphError when the node meant something else in the file's version of the operator set. */
export function requireSameMeaning(node: Node, opset: number): void {
  const change = CHANGES.get(node.op);
  if (change === undefined || opset >= change.since || change.touches?.(node) === false) return;
  throw new GraphError(
    `${describeNode(node)} has another meaning in version ${String(opset)} of the ONNX operator set ` +
      `(${change.reason}); export the model with version ${String(change.since)} or later.`,
  );
}
