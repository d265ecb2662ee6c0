/**
 * Dropout between our form (operator of our own domain, ratio as an attribute) and ONNX's (Dropout-13, ratio as an
 * input; without a training-mode input it passes its values on unchanged, so a written model is an inference model).
 */
import { GraphError } from '../../errors.ts';
import { describeNode, float, floatOf } from './attributes.ts';
import type { Graph, Node, Tensor } from './types.ts';

/** ONNX's ratio where the input is omitted. */
const DEFAULT_RATIO = 0.5;

const isOwnDropout = (node: Node): boolean => node.domain === 'consilium' && node.op === 'Dropout';

function valueNames(graph: Graph): Set<string> {
  return new Set([
    ...graph.inputs.map(({ name }) => name),
    ...graph.constants.keys(),
    ...graph.nodes.flatMap((node) => node.outputs),
  ]);
}

/** The graph with ONNX's Dropout nodes in place of ours. */
export function dropoutToOnnx(graph: Graph): Graph {
  if (!graph.nodes.some(isOwnDropout)) return graph;
  const taken = valueNames(graph);
  const constants = new Map(graph.constants);
  const addRatio = (node: Node): string => {
    let name = `${node.outputs[0] ?? ''}_ratio`;
    while (taken.has(name)) name += '_';
    taken.add(name);
    constants.set(name, {
      dtype: 'float32',
      dims: [],
      data: Float32Array.of(floatOf(node, 'ratio', DEFAULT_RATIO)),
    });
    return name;
  };
  const nodes = graph.nodes.map((node): Node =>
    isOwnDropout(node)
      ? { ...node, domain: '', inputs: [...node.inputs, addRatio(node)], attributes: {} }
      : node,
  );
  return { ...graph, constants, nodes };
}

function ratioOf(node: Node, constants: ReadonlyMap<string, Tensor>): number {
  const name = node.inputs[1] ?? '';
  if (name === '') return DEFAULT_RATIO;
  const tensor = constants.get(name);
  const ratio = tensor?.dtype === 'float32' && tensor.data.length === 1 ? tensor.data[0] : undefined;
  if (ratio === undefined || !(ratio >= 0 && ratio < 1))
    throw new GraphError(`The ratio of ${describeNode(node)} must be a float32 constant in [0, 1).`);
  return ratio;
}

/** Our form of an ONNX Dropout node. @throws GraphError when it asks for a random mask or returns it. */
export function dropoutFromOnnx(node: Node, constants: ReadonlyMap<string, Tensor>): Node {
  const [input, , trainingMode = ''] = node.inputs;
  if (input === undefined || node.inputs.length > 3 || trainingMode !== '')
    throw new GraphError(`${describeNode(node)} sets its training mode, which is not supported.`);
  const ratio = ratioOf(node, constants);
  return ratio === 0
    ? { ...node, op: 'Identity', inputs: [input], attributes: {} }
    : { ...node, domain: 'consilium', inputs: [input], attributes: { ratio: float(ratio) } };
}
