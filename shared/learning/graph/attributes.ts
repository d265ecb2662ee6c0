/** Reading and making node attributes. */
import { GraphError } from '../../errors.ts';
import type { Attribute, Node } from './types.ts';

export const int = (value: number): Attribute => ({ kind: 'int', value });
export const float = (value: number): Attribute => ({ kind: 'float', value });
export const text = (value: string): Attribute => ({ kind: 'string', value });
export const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value });
export const floats = (value: readonly number[]): Attribute => ({ kind: 'floats', value });

type ValueOf<K extends Attribute['kind']> = Extract<Attribute, { kind: K }>['value'];

function read<K extends Attribute['kind']>(node: Node, name: string, kind: K): ValueOf<K> | undefined {
  const attribute = node.attributes[name];
  if (attribute === undefined) return undefined;
  if (attribute.kind !== kind) {
    throw new GraphError(
      `Attribute "${name}" of ${describeNode(node)} has type ${attribute.kind}, expected ${kind}.`,
    );
  }
  // The kind was compared just above; TypeScript cannot narrow a union by a generic tag.
  return attribute.value as ValueOf<K> | undefined;
}

/** @throws GraphError when the attribute has another type. */
export const intOf = (node: Node, name: string, fallback: number): number =>
  read(node, name, 'int') ?? fallback;
export const floatOf = (node: Node, name: string, fallback: number): number =>
  read(node, name, 'float') ?? fallback;
export const textOf = (node: Node, name: string, fallback: string): string =>
  read(node, name, 'string') ?? fallback;
export const intsOf = (node: Node, name: string): readonly number[] | undefined => read(node, name, 'ints');

/** @throws GraphError when the attribute is absent or of another type. */
export function requiredInts(node: Node, name: string): readonly number[] {
  const value = intsOf(node, name);
  if (value === undefined) throw new GraphError(`Attribute "${name}" of ${describeNode(node)} is missing.`);
  return value;
}

/** For messages: `Conv node "features.0"`. */
export function describeNode(node: Node): string {
  return node.name === '' ? `${node.op} node` : `${node.op} node "${node.name}"`;
}
