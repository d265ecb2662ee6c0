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
