/** One node of the foreign graph as the import rules see it: its inputs as values, constants and tensors of our graph. */
import { GraphError } from '../../errors.ts';
import { describeNode, intsOf } from '../graph/attributes.ts';
import { normalizeAxis } from '../graph/shapes.ts';
import type { Node, ParameterKind, TensorType } from '../graph/types.ts';
import { singleValue, type Value } from './constant.ts';
import type { ImportContext } from './import-context.ts';

export class NodeView {
  readonly node: Node;
  readonly context: ImportContext;

  constructor(node: Node, context: ImportContext) {
    this.node = node;
    this.context = context;
  }

  get opset(): number {
    return this.context.options.opset;
  }

  /** Whether input `index` is given. */
  has(index: number): boolean {
    return (this.node.inputs[index] ?? '') !== '';
  }

  /** @throws GraphError when the input is omitted. */
  value(index: number): Value {
    const name = this.node.inputs[index] ?? '';
    if (name === '') throw new GraphError(`Input ${String(index)} of ${describeNode(this.node)} is missing.`);
    return this.context.get(name);
  }

  type(index: number): TensorType {
    return this.context.typeOf(this.value(index));
  }

  dims(index: number): readonly number[] {
    return this.type(index).dims;
  }

  /** Input `index` as a tensor of our graph. */
  tensor(index: number, role?: ParameterKind): string {
    return this.context.tensor(this.value(index), role);
  }

  /** The integers of a constant input; undefined when it is omitted. @throws GraphError when it is no constant */
  ints(index: number): readonly number[] | undefined {
    if (!this.has(index)) return undefined;
    const value = this.value(index);
    if (value.kind !== 'constant' || value.constant.dtype === 'float32')
      throw new GraphError(
        `Input ${String(index)} of ${describeNode(this.node)} must be an integer constant.`,
      );
    return value.constant.data;
  }

  /** The one number of a constant input; undefined when it is omitted. @throws GraphError when it is no constant */
  number(index: number): number | undefined {
    if (!this.has(index)) return undefined;
    const value = this.value(index);
    const what = `Input ${String(index)} of ${describeNode(this.node)}`;
    if (value.kind !== 'constant') throw new GraphError(`${what} must be a constant.`);
    return singleValue(value.constant, what);
  }

  /** Axes as an attribute, or since operator set `since` as an input; counted from the front. */
  axes(since: number, rank: number): readonly number[] | undefined {
    const given = this.opset < since ? intsOf(this.node, 'axes') : this.ints(1);
    return given?.map((axis) => normalizeAxis(axis, rank, this.node));
  }
}

/** The values of the node's outputs, in order; those left out are not supported. */
export type ImportRule = (view: NodeView) => readonly Value[];

export interface ImportOperator {
  /** Attributes that the rule understands; any other is refused, because passing over it could change the outputs. */
  readonly attributes: readonly string[];
  readonly rule: ImportRule;
}
