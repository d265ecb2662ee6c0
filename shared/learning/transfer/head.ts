/**
 * The head of a classifier: the layer that turns features into one logit a class. A model that was trained for another
 * task keeps its features and gets a new, untrained head for the classes of this one.
 */
import { GraphError } from '../../errors.ts';
import { int } from '../graph/attributes.ts';
import { GraphBuilder, NOMINAL_BATCH, replay } from '../graph/builder.ts';
import type { Model, Node, Parameter } from '../graph/types.ts';

/** Names of a new head's parameters, those of the built-in architectures. */
const HEAD_WEIGHT = 'head.weight';
const HEAD_BIAS = 'head.bias';

/** Layers with weights that can be a head. */
const HEAD_OPERATORS = new Set(['Gemm', 'MatMul', 'Conv']);
/** What may follow the weights of a head: a bias, pooling, other dimensions. */
const TAIL_OPERATORS = new Set([
  ...['Add', 'Relu', 'GlobalAveragePool', 'AveragePool', 'ReduceMean', 'Flatten', 'Reshape', 'Identity'],
  'Dropout',
]);

interface Head {
  readonly node: Node;
  /** The head and what follows it, last node first. */
  readonly nodes: readonly Node[];
  /** What it is computed from. */
  readonly features: string;
}

/** Walks back from the logits to the last layer with weights. @throws GraphError when there is none in sight */
function findHead({ graph, parameters }: Model): Head {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const weights = new Set(parameters.map(({ name }) => name));
  const nodes: Node[] = [];
  let value = graph.outputs[0]?.name ?? '';
  for (let node = producers.get(value); node; node = producers.get(value)) {
    nodes.push(node);
    const [first = '', second = ''] = node.inputs;
    if (HEAD_OPERATORS.has(node.op) && weights.has(second)) return { node, nodes, features: first };
    if (!TAIL_OPERATORS.has(node.op)) break;
    value = weights.has(first) ? second : first;
  }
  throw new GraphError(
    'No head was found: the logits of the model are not computed by a dense or convolutional layer, ' +
      'so it cannot be adapted to other classes.',
  );
}

/** Names of the parameters of the layer that computes the logits. @throws GraphError when there is none in sight */
export function headParameters(model: Model): ReadonlySet<string> {
  const known = new Set(model.parameters.map(({ name }) => name));
  const { nodes } = findHead(model);
  return new Set(nodes.flatMap((node) => node.inputs).filter((name) => known.has(name)));
}

/** Features as rows [N, features]: a map, or a sequence, is averaged over its positions. */
function asRows(build: GraphBuilder, features: string): string {
  const { dims } = build.typeOf(features);
  if (dims.length === 2) return features;
  if (dims.length === 3) return build.op('ReduceMean', [features, build.ints([1])], { keepdims: int(0) });
  if (dims.length !== 4)
    throw new GraphError(
      `The head takes features of ${String(dims.length)} dimensions, which is not supported.`,
    );
  return build.op('Flatten', [build.op('GlobalAveragePool', [features])], { axis: int(1) });
}

function newParameters(featureCount: number, classCount: number): readonly Parameter[] {
  return [
    {
      name: HEAD_WEIGHT,
      dims: [featureCount, classCount],
      kind: 'kernel',
      trainable: true,
      initializer: { kind: 'glorot', fanIn: featureCount, fanOut: classCount },
    },
    { name: HEAD_BIAS, dims: [classCount], kind: 'bias', trainable: true, initializer: { kind: 'zeros' } },
  ];
}

/**
 * The model with an untrained dense layer for `classCount` classes in place of its head: Glorot weights, zero biases. A
 * convolution as the head becomes a dense layer on the mean of its features.
 * @throws GraphError when the model has no head that can be told apart
 */
export function withNewHead(model: Model, classCount: number): Model {
  const head = findHead(model);
  const gone = new Set(head.nodes);
  const nodes = model.graph.nodes.filter((node) => !gone.has(node));
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const kept = model.parameters.filter(({ name }) => used.has(name) || name === head.features);
  if (kept.some(({ name }) => name === HEAD_WEIGHT || name === HEAD_BIAS))
    throw new GraphError(
      `The model has parameters named "${HEAD_WEIGHT}" or "${HEAD_BIAS}" that are not its head.`,
    );
  const { dims } = replay(model.graph, NOMINAL_BATCH).typeOf(head.features);
  const featureCount = dims[dims.length === 4 ? 1 : dims.length - 1] ?? 0;
  const added = newParameters(featureCount, classCount);

  const build = new GraphBuilder(model.graph.name);
  build.input('images', ['N', ...model.imageDims]);
  for (const parameter of [...kept, ...added]) build.input(parameter.name, parameter.dims);
  for (const [name, tensor] of model.graph.constants) if (used.has(name)) build.namedConstant(name, tensor);
  for (const node of nodes) build.add(node.op, node.inputs, node.attributes, node);
  build.op('Gemm', [asRows(build, head.features), HEAD_WEIGHT, HEAD_BIAS], {}, { outputs: ['logits'] });
  return { ...model, graph: build.build(['logits']), parameters: [...kept, ...added], classCount };
}
