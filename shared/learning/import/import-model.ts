/**
 * A classifier that another program exported as ONNX (operator sets 11 to 21), as a model of ours: shapes inferred,
 * constants folded, weights as parameters, every node re-encoded in our own operators for a batch of any size. The file
 * is untrusted: nothing of it reaches an engine that was not understood and bounded here.
 */
import { GraphError } from '../../errors.ts';
import { describeNode } from '../graph/attributes.ts';
import { GraphBuilder, NOMINAL_BATCH } from '../graph/builder.ts';
import { DEFAULT_ONNX_LIMITS, quoted, type OnnxLimits } from '../graph/onnx-limits.ts';
import { showDims } from '../graph/shapes.ts';
import type { Model, Node } from '../graph/types.ts';
import { computed, known, type Constant, type Value } from './constant.ts';
import { createFoldBudget, fold, isRearrangement, type FoldBudget } from './fold.ts';
import { readForeignGraph, type ForeignGraph } from './foreign-graph.ts';
import { addImages, imageInputOf, type ImageDims } from './image-input.ts';
import { ImportContext } from './import-context.ts';
import { NodeView } from './node-view.ts';
import { findImportOperator, IMPORTED_OPERATORS } from './rules/table.ts';
import type { ExternalData } from './tensor-values.ts';

export interface ImportModelOptions {
  /** [channels, height, width] of the images that the model is to take. Default: those of the file. */
  readonly imageDims?: ImageDims;
  /** Reads the files beside the model, where its weights may be. */
  readonly externalData?: ExternalData;
  readonly limits?: OnnxLimits;
}

export interface ImportedModel {
  /** Its weights are the `given` initial values of its parameters. */
  readonly model: Model;
  readonly producer: string;
  /** What a person should know about how the file was understood. */
  readonly notes: readonly string[];
}

/** At the end of a file these turn logits into probabilities; the loss does that here. */
const OUTPUT_ACTIVATIONS = new Set(['Softmax', 'LogSoftmax', 'Sigmoid', 'Identity']);

/** The value that holds the logits: what the activations at the end are computed from. */
function logitsOf(graph: ForeignGraph): string {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  let name = graph.outputs[0] ?? '';
  for (let node = producers.get(name); node; node = producers.get(name)) {
    if (!OUTPUT_ACTIVATIONS.has(node.op)) break;
    name = node.inputs[0] ?? '';
  }
  return name;
}

function refuseUnknown(node: Node): never {
  throw new GraphError(
    `Operator ${quoted(node.op)} (node ${quoted(node.name)}) is not supported; supported: ${IMPORTED_OPERATORS.join(', ')}.`,
  );
}

/** The node's value where all of its inputs are known; undefined where it has to be a node of our graph. */
function folded(node: Node, context: ImportContext, budget: FoldBudget): Constant | undefined {
  if (node.inputs.length === 0) return undefined;
  const inputs: (Constant | undefined)[] = [];
  for (const name of node.inputs) {
    const value: Value | undefined = name === '' ? undefined : context.get(name);
    if (value?.kind === 'graph') return undefined;
    inputs.push(value?.constant);
  }
  // Arithmetic with weights stays in the graph, so that they can be trained.
  const hasWeights = inputs.some(
    (c) => c?.dtype === 'float32' && c.origin !== undefined && c.data.length > 1,
  );
  if (hasWeights && !isRearrangement(node.op) && findImportOperator(node.op)) return undefined;
  const result = fold(node, inputs, context.options.opset, budget);
  if (result && result.dims.length > context.options.limits.tensorRank)
    throw new GraphError(`${describeNode(node)} makes a constant of too many dimensions.`);
  return result;
}

function importNode(node: Node, context: ImportContext, budget: FoldBudget): readonly Value[] {
  const constant = folded(node, context, budget);
  if (constant !== undefined) return [known(constant)];
  const operator = findImportOperator(node.op);
  if (operator === undefined) return refuseUnknown(node);
  for (const name of Object.keys(node.attributes))
    if (!operator.attributes.includes(name))
      throw new GraphError(
        `${describeNode(node)} has the attribute ${quoted(name)}, which is not supported.`,
      );
  return operator.rule(new NodeView(node, context));
}

function importNodes(graph: ForeignGraph, context: ImportContext, logits: string): string {
  const budget = createFoldBudget(context.options.limits.totalTensorBytes / 2);
  for (const [name, constant] of graph.constants) context.set(name, known(constant));
  for (const node of graph.nodes) {
    context.current = node;
    const values = importNode(node, context, budget);
    node.outputs.forEach((name, index) => {
      const value = values[index];
      if (name !== '' && value !== undefined) context.set(name, value);
    });
    // What comes after the logits is not needed, and may be what is not supported.
    if (node.outputs.includes(logits)) break;
  }
  context.current = undefined;
  const value = context.get(logits);
  if (value.kind !== 'graph') throw new GraphError('The output of the model does not depend on its input.');
  return value.name;
}

/** [N, classes]; a map of one pixel is flattened. */
function asRows(context: ImportContext, name: string): string {
  const { dims } = context.build.typeOf(name);
  const [batch, classes = 0, ...rest] = dims;
  if (batch !== NOMINAL_BATCH || dims.length < 2 || rest.some((size) => size !== 1))
    throw new GraphError(
      `The output of a classifier has the shape [N, classes]; this one has ` +
        `${showDims(dims.map((size) => (size === NOMINAL_BATCH ? 'N' : size)))}.`,
    );
  return context.reshape(name, [batch, classes]);
}

/** The graph with inputs in order, only what the logits need, and their name. */
function finished(context: ImportContext, logits: string, imageDims: ImageDims): Model {
  const { build } = context;
  const needed = new Set([logits]);
  const nodes = [...build.nodes].reverse().filter((node) => {
    if (!node.outputs.some((name) => needed.has(name))) return false;
    for (const name of node.inputs) needed.add(name);
    return true;
  });
  if (!needed.has('images')) throw new GraphError('The output of the model does not depend on its input.');
  const rename = (name: string): string => (name === logits ? 'logits' : name);
  const parameters = context.parameters.filter(({ name }) => needed.has(name));
  const result = new GraphBuilder('imported');
  result.input('images', ['N', ...imageDims]);
  for (const { name, dims } of parameters) result.input(name, dims);
  for (const name of needed) {
    const tensor = build.constant(name);
    if (tensor) result.namedConstant(name, tensor);
  }
  for (const node of nodes.reverse()) {
    const outputs = node.outputs.map(rename);
    result.add(node.op, node.inputs.map(rename), node.attributes, {
      domain: node.domain,
      name: node.name,
      outputs,
    });
  }
  const classCount = result.typeOf('logits').dims[1] ?? 0;
  return { graph: result.build(['logits']), parameters, imageDims, classCount };
}

/**
 * @param bytes an ONNX file that anybody may have written
 * @throws GraphError naming the operator, node or value that is not supported or broken; nothing else, whatever the bytes
 */
export function importModel(bytes: Uint8Array, options: ImportModelOptions = {}): ImportedModel {
  const limits = options.limits ?? DEFAULT_ONNX_LIMITS;
  const graph = readForeignGraph(bytes, limits, options.externalData);
  const input = imageInputOf(graph, options.imageDims);
  const context = new ImportContext(graph.name, { opset: graph.opset, limits, fileBatch: input.batch });
  context.set(input.name, computed(addImages(context, input)));
  const rows = asRows(context, importNodes(graph, context, logitsOf(graph)));
  const model = finished(context, rows, input.imageDims);
  if (graph.outputs.length > 1) context.notes.add('The model has several outputs; the first one is used.');
  return { model, producer: graph.producer, notes: [...context.notes] };
}
