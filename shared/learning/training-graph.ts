/**
 * From a classifier to the graph of its training step: dropout gets its mask as an input, batch normalisation its
 * batch statistics, the loss is appended, and everything is differentiated. Inputs of the result: `images`, `targets`,
 * `sampleWeights`, `mask:<i>` and every parameter. Outputs: `loss`, `logits`, `gradient:<parameter>`,
 * `statistics:<parameter>` for the running statistics, and with clipping `exampleNorms` [N].
 */
import { GraphError, InvariantError } from '../errors.ts';
import { clippedGradients } from './clip-examples.ts';
import { gradientsOf } from './differentiate.ts';
import type { CompileOptions, DropoutMask } from './engines/engine.ts';
import { float, floatOf } from './graph/attributes.ts';
import { bindDims, GraphBuilder } from './graph/builder.ts';
import { sizeOf } from './weights.ts';
import type { Graph, Model, Node } from './graph/types.ts';
import { addInMicroBatches, convolutionalPart } from './micro-batch.ts';

export interface TrainingGraph {
  readonly graph: Graph;
  readonly dropoutMasks: readonly DropoutMask[];
}

export const gradientName = (parameter: string): string => `gradient:${parameter}`;
export const statisticsName = (parameter: string): string => `statistics:${parameter}`;
export const maskName = (index: number): string => `mask:${String(index)}`;

export interface Forward {
  readonly build: GraphBuilder;
  readonly masks: readonly DropoutMask[];
  /** Running statistic → value of the batch's own. */
  readonly statistics: ReadonlyMap<string, string>;
}

/** The forward graph in training form, with the batch size bound. */
export function trainingForward(model: Model, options: CompileOptions, microBatch?: number): Forward {
  const { graph } = model;
  const build = new GraphBuilder(graph.name, options.batchSize);
  const masks: DropoutMask[] = [];
  const statistics = new Map<string, string>();
  for (const input of graph.inputs)
    build.input(input.name, bindDims(input.dims, options.batchSize), input.dtype);
  for (const [name, tensor] of graph.constants) build.namedConstant(name, tensor);
  const dropoutNode = (node: Node): void => {
    const [x = ''] = node.inputs;
    const { dims } = build.typeOf(x);
    const mask = build.input(maskName(masks.length), dims);
    masks.push({ length: sizeOf(dims.slice(1)), ratio: floatOf(node, 'ratio', 0.5) });
    build.add('MaskedDropout', [x, mask], {}, { domain: 'consilium', outputs: node.outputs });
  };
  const batchNormNode = (node: Node): void => {
    const [x = '', scale = '', shift = '', mean = '', variance = ''] = node.inputs;
    const [y = ''] = node.outputs;
    const values = [statisticsName(mean), statisticsName(variance)];
    const attributes = { epsilon: float(floatOf(node, 'epsilon', 1e-5)) };
    build.add('BatchNormTraining', [x, scale, shift], attributes, {
      domain: 'consilium',
      outputs: [y, ...values],
    });
    statistics.set(mean, values[0] ?? '').set(variance, values[1] ?? '');
  };
  const frozen = new Set(model.parameters.flatMap((p) => (p.frozen === true ? [p.name] : [])));
  /** With frozen statistics a layer computes what it did: that is part of being frozen. */
  const inTraining = (node: Node): boolean =>
    node.op === 'BatchNormalization' &&
    options.frozenNormalization !== true &&
    !frozen.has(node.inputs[3] ?? '');
  const part = microBatch === undefined ? undefined : convolutionalPart(graph);
  if (part && microBatch !== undefined) addInMicroBatches(build, part, options.batchSize, microBatch);
  for (const node of graph.nodes.slice(part?.nodes.length ?? 0)) {
    if (node.op === 'Dropout') dropoutNode(node);
    else if (inTraining(node)) batchNormNode(node);
    else build.add(node.op, node.inputs, node.attributes, node);
  }
  return { build, masks, statistics };
}

/**
 * @param microBatch examples that the convolutional part takes at a time, where it can; default: the whole batch
 * @throws GraphError when an operator on the way of a gradient has none
 */
export function trainingGraph(model: Model, options: CompileOptions, microBatch?: number): TrainingGraph {
  const { build, masks, statistics } = trainingForward(model, options, microBatch);
  const [output] = model.graph.outputs;
  if (output === undefined) throw new InvariantError('A model has one output.');
  const clip = options.perExampleClipL2Norm;
  if (clip !== undefined && statistics.size > 0) {
    throw new GraphError(
      'Per-example clipping needs a model without batch normalisation, which mixes the examples of a batch; use GroupNorm.',
    );
  }
  const targets = build.input('targets', [options.batchSize, model.classCount]);
  const weights = build.input('sampleWeights', [options.batchSize]);
  const loss = (sampleWeights: string): readonly string[] =>
    build.own(
      options.loss === 'softmax' ? 'SoftmaxCrossEntropy' : 'SigmoidCrossEntropy',
      [output.name, targets, sampleWeights],
      { label_smoothing: float(options.labelSmoothing ?? 0) },
    );
  const [lossValue = '', logitsGradient = ''] = loss(weights);
  const trainable = model.parameters.filter((p) => p.trainable).map((p) => p.name);
  const outputs: string[] = [];
  const publish = (value: string, name: string): void => {
    outputs.push(build.op('Identity', [value], {}, { outputs: [name] }));
  };
  publish(lossValue, 'loss');
  outputs.push(output.name);
  if (clip === undefined) {
    const gradients = gradientsOf(build, new Map([[output.name, logitsGradient]]), trainable);
    for (const name of trainable) publish(gradientFor(gradients, name), gradientName(name));
  } else {
    const ones = build.floats(new Float32Array(options.batchSize).fill(1), [options.batchSize]);
    const [, exampleGradient = ''] = loss(ones);
    const clipped = clippedGradients(build, {
      root: output.name,
      rootGradient: exampleGradient,
      parameters: trainable,
      clipL2Norm: clip,
      sampleWeights: weights,
    });
    publish(clipped.norms, 'exampleNorms');
    for (const name of trainable) publish(gradientFor(clipped.gradients, name), gradientName(name));
  }
  outputs.push(...statistics.values());
  return { graph: build.build(outputs), dropoutMasks: masks };
}

function gradientFor(gradients: ReadonlyMap<string, string>, name: string): string {
  const gradient = gradients.get(name);
  if (gradient === undefined) {
    throw new GraphError(`Parameter "${name}" does not influence the logits; remove it or freeze it.`);
  }
  return gradient;
}

/** The forward graph with dropout left out: what evaluation and prediction run. */
export function inferenceGraph(model: Model, batchSize: number): Graph {
  const build = new GraphBuilder(model.graph.name, batchSize);
  for (const input of model.graph.inputs)
    build.input(input.name, bindDims(input.dims, batchSize), input.dtype);
  for (const [name, tensor] of model.graph.constants) build.namedConstant(name, tensor);
  for (const node of model.graph.nodes) {
    if (node.op === 'Dropout') build.add('Identity', node.inputs, {}, { outputs: node.outputs });
    else build.add(node.op, node.inputs, node.attributes, node);
  }
  return build.build(model.graph.outputs.map((value) => value.name));
}
