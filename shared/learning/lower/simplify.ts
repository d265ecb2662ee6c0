/** Rewrites of a derived graph that leave its values unchanged and its step faster. */
import type { Graph, Node } from '../graph/types.ts';

/**
 * ReLU, then max-pooling: the gradient's mask can be applied to the pooled gradient, a quarter of the values, because
 * the position that holds a positive maximum is itself positive, and where the maximum is zero all gradients are.
 * ReluGrad(r, MaxPoolGrad(r, p, d)) → MaxPoolGrad(r, p, ReluGrad(p, d)).
 */
export function maskBeforeUnpooling(graph: Graph): Graph {
  const producer = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const uses = new Map<string, number>();
  for (const name of graph.nodes.flatMap((node) => node.inputs)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const replaced = new Map<Node, readonly Node[]>();
  for (const relu of graph.nodes) {
    if (relu.op !== 'ReluGrad') continue;
    const [r = '', gradient = ''] = relu.inputs;
    const pool = producer.get(gradient);
    if (pool?.op !== 'MaxPoolGrad' || pool.inputs[0] !== r) continue;
    if (uses.get(gradient) !== 1 || outputs.has(gradient)) continue;
    const [, pooled = '', upstream = ''] = pool.inputs;
    const masked: Node = { ...relu, inputs: [pooled, upstream], outputs: [gradient] };
    replaced.set(pool, []);
    replaced.set(relu, [masked, { ...pool, inputs: [r, pooled, gradient], outputs: relu.outputs }]);
  }
  return { ...graph, nodes: graph.nodes.flatMap((node) => replaced.get(node) ?? [node]) };
}

/**
 * Filter gradients of micro-batches that are added up become one ConvFilterGrad of all their (x, dy) pairs, which is summed
 * in the order that the products have and brought into the weights' order once.
 */
export function joinFilterGradients(graph: Graph): Graph {
  const uses = new Map<string, number>();
  for (const name of graph.nodes.flatMap((node) => node.inputs)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const single = new Map<string, Node>();
  const gone = new Set<string>();
  const nodes = graph.nodes.map((node) => {
    const joined = node.op === 'Add' ? joinedNode(node, single) : undefined;
    if (joined) for (const name of node.inputs) gone.add(name);
    const result = joined ?? node;
    const [name = ''] = result.outputs;
    if (result.op === 'ConvFilterGrad' && uses.get(name) === 1 && !outputs.has(name))
      single.set(name, result);
    return result;
  });
  return { ...graph, nodes: nodes.filter((node) => !node.outputs.some((name) => gone.has(name))) };
}

function joinedNode(add: Node, gradients: ReadonlyMap<string, Node>): Node | undefined {
  const [a, b] = add.inputs.map((name) => gradients.get(name));
  if (a === undefined || b === undefined) return undefined;
  if (JSON.stringify(a.attributes) !== JSON.stringify(b.attributes)) return undefined;
  return { ...a, inputs: [...a.inputs, ...b.inputs], outputs: add.outputs };
}
