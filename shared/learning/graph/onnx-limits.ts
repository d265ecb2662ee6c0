/**
 * Bounds on an ONNX file that somebody else wrote. They are applied while the bytes are read, before anything is
 * allocated for what a header promises; the largest published image classifiers stay far below every one of them.
 */
import { GraphError } from '../../errors.ts';

export interface OnnxLimits {
  readonly fileBytes: number;
  readonly nodes: number;
  readonly initializers: number;
  /** Graph inputs and outputs, and the inputs and outputs of all nodes together. */
  readonly valueReferences: number;
  /** Attributes of all nodes together. */
  readonly attributes: number;
  /** Numbers in the lists of all attributes together. */
  readonly attributeValues: number;
  readonly metadataEntries: number;
  /** Bytes of any one name or metadata value. */
  readonly textBytes: number;
  readonly tensorRank: number;
  readonly tensorElements: number;
  /** Of an int64 tensor: those are shapes and axes, and each value costs more memory here than in the file. */
  readonly integerElements: number;
  /** Bytes of all tensors together. */
  readonly totalTensorBytes: number;
}

const MIB = 1 << 20;

export const DEFAULT_ONNX_LIMITS: OnnxLimits = {
  fileBytes: 512 * MIB,
  nodes: 20_000,
  initializers: 20_000,
  valueReferences: 200_000,
  attributes: 200_000,
  attributeValues: 1_000_000,
  metadataEntries: 1000,
  textBytes: MIB,
  tensorRank: 8,
  tensorElements: 128 * MIB,
  integerElements: 65_536,
  totalTensorBytes: 512 * MIB,
};

/** The limits that count up over a whole file. */
export type Counted =
  | 'nodes'
  | 'initializers'
  | 'valueReferences'
  | 'attributes'
  | 'attributeValues'
  | 'metadataEntries'
  | 'totalTensorBytes';

/** What is left of the limits while one file is read. */
export interface Budget {
  readonly limits: OnnxLimits;
  /** Takes `amount` of a counted limit. @throws GraphError when less is left. */
  take(counted: Counted, amount: number): void;
}

const WORDS: Record<Counted, string> = {
  nodes: 'nodes',
  initializers: 'initialisers',
  valueReferences: 'node inputs and outputs',
  attributes: 'attributes',
  attributeValues: 'numbers in attributes',
  metadataEntries: 'metadata entries',
  totalTensorBytes: 'bytes of tensors',
};

export function createBudget(limits: OnnxLimits): Budget {
  const used = new Map<Counted, number>();
  return {
    limits,
    take(counted, amount) {
      const total = (used.get(counted) ?? 0) + amount;
      if (total > limits[counted])
        throw new GraphError(`The file has more than ${String(limits[counted])} ${WORDS[counted]}.`);
      used.set(counted, total);
    },
  };
}

/** A name from a file for an error message: quoted, control characters escaped, cut to a readable length. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 79)}…` : name);
}
