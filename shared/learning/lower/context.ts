/**
 * Where the values of the source graph are while it is lowered. A value of rank 4 may exist in up to three layouts,
 * each made at most once and only when a rule asks for it:
 * plain [N, C, H, W]; blocked, physically [N, C/b, H, W, b]; and NHWC.
 */
import { InvariantError } from '../../errors.ts';
import { int } from '../graph/attributes.ts';
import type { Graph, Node, TensorType } from '../graph/types.ts';
import type { Emitter } from './emitter.ts';
import type { LowerTarget } from './target.ts';

export type Layout = 'plain' | 'blocked';

/** Gradients of each example, stored as [N, kh, kw, C, F] rows: sums and norms do not care, so no transposition is spent. */
export interface ExampleRows {
  /** [N, size] */
  readonly rows: string;
  /** Takes a row [1, size] to the parameter's own order. */
  readonly restore: (row: string) => string;
}

export class LowerContext {
  readonly emit: Emitter;
  readonly target: LowerTarget;
  readonly #types: ReadonlyMap<string, TensorType>;
  readonly #consumers: ReadonlyMap<string, readonly Node[]>;
  readonly #outputs: ReadonlySet<string>;
  readonly #plain = new Map<string, string>();
  readonly #blocked = new Map<string, string>();
  readonly #memo = new Map<string, string>();
  readonly exampleRows = new Map<string, ExampleRows>();

  constructor(graph: Graph, types: ReadonlyMap<string, TensorType>, target: LowerTarget, emit: Emitter) {
    this.emit = emit;
    this.target = target;
    this.#types = types;
    this.#outputs = new Set(graph.outputs.map((output) => output.name));
    const consumers = new Map<string, Node[]>();
    for (const node of graph.nodes) {
      for (const name of new Set(node.inputs)) consumers.set(name, [...(consumers.get(name) ?? []), node]);
    }
    this.#consumers = consumers;
  }

  dims(name: string): readonly number[] {
    const type = this.#types.get(name);
    if (type === undefined) throw new InvariantError(`No type is known of "${name}".`);
    return type.dims;
  }

  /** Channels, and their number in a block; undefined where the value cannot be blocked. */
  blockOf(name: string): 8 | 16 | undefined {
    const { blockSize } = this.target;
    const dims = this.dims(name);
    if (blockSize === undefined || dims.length !== 4 || (dims[1] ?? 0) % blockSize !== 0) return undefined;
    return blockSize;
  }

  consumers(name: string): readonly Node[] {
    return this.#consumers.get(name) ?? [];
  }

  /** The node that alone uses `name`, when it is of kind `op` and the value is no output of the graph. */
  soleConsumer(name: string, op: string): Node | undefined {
    const [only, ...others] = this.consumers(name);
    return only?.op === op && others.length === 0 && !this.#outputs.has(name) ? only : undefined;
  }

  isSet(name: string): boolean {
    return this.#plain.has(name) || this.#blocked.has(name);
  }

  setPlain(name: string, value: string): void {
    this.#plain.set(name, value);
  }

  setBlocked(name: string, value: string): void {
    this.#blocked.set(name, value);
  }

  isBlocked(name: string): boolean {
    return this.#blocked.has(name);
  }

  plain(name: string): string {
    if (name === '') return '';
    const known = this.#plain.get(name);
    if (known !== undefined) return known;
    const blocked = this.#blocked.get(name);
    if (blocked === undefined) throw new InvariantError(`Value "${name}" is not there yet.`);
    const channels = this.dims(name)[1] ?? 0;
    const value = isPixel(this.dims(name))
      ? blocked
      : this.emit.blocked('ReorderOutput', [blocked], { channels: int(channels) });
    this.#plain.set(name, value);
    return value;
  }

  blocked(name: string): string {
    const known = this.#blocked.get(name);
    if (known !== undefined) return known;
    const plain = this.plain(name);
    const value = isPixel(this.dims(name)) ? plain : this.emit.blocked('ReorderInput', [plain]);
    this.#blocked.set(name, value);
    return value;
  }

  get(name: string, layout: Layout): string {
    return layout === 'plain' ? this.plain(name) : this.blocked(name);
  }

  set(name: string, layout: Layout, value: string): void {
    if (layout === 'plain') this.setPlain(name, value);
    else this.setBlocked(name, value);
  }

  /** The value as [N, H, W, C]; free where one block holds all channels, or there is one. */
  nhwc(name: string): string {
    return this.once(`nhwc ${name}`, () => {
      const [n = 0, c = 0, h = 0, w = 0] = this.dims(name);
      const b = this.blockOf(name);
      if (c === 1) return this.emit.reshape(this.plain(name), [n, h, w, c]);
      if (b === undefined || !this.isBlocked(name))
        return this.emit.transpose(this.plain(name), [0, 2, 3, 1]);
      if (b === c) return this.emit.reshape(this.blocked(name), [n, h, w, c]);
      const view = this.emit.reshape(this.blocked(name), [n, c / b, h * w, b]);
      return this.emit.reshape(this.emit.transpose(view, [0, 2, 1, 3]), [n, h, w, c]);
    });
  }

  /** What `make` emits, at most once for a key. */
  once(key: string, make: () => string): string {
    const known = this.#memo.get(key);
    if (known !== undefined) return known;
    const value = make();
    this.#memo.set(key, value);
    return value;
  }
}

/** Height and width 1: both layouts are the same bytes. */
const isPixel = (dims: readonly number[]): boolean => dims[2] === 1 && dims[3] === 1;

/** A lowering rule: emits what the node means and sets its outputs; false where it does not apply. */
export type LowerRule = (context: LowerContext, node: Node) => boolean;

export function inputOf(node: Node, index: number): string {
  const name = node.inputs[index];
  if (name === undefined || name === '') throw new InvariantError(`${node.op} lacks input ${String(index)}.`);
  return name;
}

export function outputOf(node: Node, index = 0): string {
  const name = node.outputs[index];
  if (name === undefined) throw new InvariantError(`${node.op} lacks output ${String(index)}.`);
  return name;
}
