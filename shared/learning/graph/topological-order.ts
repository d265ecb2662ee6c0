/** Nodes in an order in which every value is produced before it is used. */
import { GraphError } from '../../errors.ts';
import { describeNode } from './attributes.ts';
import { quoted } from './onnx-limits.ts';
import type { Node } from './types.ts';

/** The node that makes each value. @throws GraphError when two nodes, or a node and a given value, make the same. */
function producersOf(nodes: readonly Node[], given: ReadonlySet<string>): ReadonlyMap<string, number> {
  const producers = new Map<string, number>();
  nodes.forEach((node, index) => {
    for (const output of node.outputs) {
      if (output === '') continue;
      if (given.has(output) || producers.has(output))
        throw new GraphError(
          `Value ${quoted(output)} is made twice, the second time by ${describeNode(node)}.`,
        );
      producers.set(output, index);
    }
  });
  return producers;
}

/**
 * Depth-first with a stack of its own (a file may chain every node), in linear time. Nodes that are in order already
 * keep their places.
 * @param given names of inputs and constants
 * @throws GraphError for a cycle, or a value that is used but never made or made twice.
 */
export function topologicalOrder(nodes: readonly Node[], given: ReadonlySet<string>): readonly Node[] {
  const producers = producersOf(nodes, given);
  const ordered: Node[] = [];
  const state: ('new' | 'open' | 'done')[] = nodes.map(() => 'new');
  /** Nodes being visited, each with the place of the input to look at next. */
  const stack: { index: number; node: Node; nextInput: number }[] = [];

  const open = (index: number): void => {
    const node = nodes[index];
    if (!node || state[index] === 'done') return;
    if (state[index] === 'open') throw new GraphError(`The graph has a cycle through ${describeNode(node)}.`);
    state[index] = 'open';
    stack.push({ index, node, nextInput: 0 });
  };

  for (let root = 0; root < nodes.length; root++) {
    open(root);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const input = top.node.inputs[top.nextInput];
      top.nextInput += 1;
      if (input === undefined) {
        state[top.index] = 'done';
        ordered.push(top.node);
        stack.pop();
        continue;
      }
      if (input === '' || given.has(input)) continue;
      const producer = producers.get(input);
      if (producer === undefined)
        throw new GraphError(
          `${describeNode(top.node)} uses the value ${quoted(input)}, which nothing makes.`,
        );
      open(producer);
    }
  }
  return ordered;
}
