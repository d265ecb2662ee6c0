/**
 * From a graph with abstract operators to one that a runtime has kernels for: blocked rules first where the target has a
 * block size, then standard ones; what needs neither is taken over as it is.
 */
import { GraphError } from '../../errors.ts';
import { describeNode } from '../graph/attributes.ts';
import { replay } from '../graph/builder.ts';
import type { Graph, TensorType } from '../graph/types.ts';
import * as blockedConv from './blocked-conv.ts';
import * as blockedFilter from './blocked-filter-grad.ts';
import * as blockedNorm from './blocked-norm.ts';
import * as blockedPool from './blocked-pool.ts';
import { LowerContext, outputOf, type LowerRule } from './context.ts';
import { elementwiseRule } from './elementwise.ts';
import { Emitter } from './emitter.ts';
import { joinFilterGradients, maskBeforeUnpooling } from './simplify.ts';
import * as conv from './standard-conv.ts';
import * as examples from './standard-examples.ts';
import * as loss from './standard-loss.ts';
import * as layerNorm from './standard-layer-norm.ts';
import * as norm from './standard-norm.ts';
import * as pool from './standard-pool.ts';
import { sliceGrad } from './standard-slice.ts';
import type { LowerTarget } from './target.ts';

const BLOCKED: Readonly<Record<string, LowerRule>> = {
  Conv: blockedConv.conv,
  ConvInputGrad: blockedConv.convInputGrad,
  ConvFilterGrad: blockedFilter.convFilterGrad,
  ChannelSum: blockedFilter.channelSum,
  MaxPool: blockedPool.pool,
  AveragePool: blockedPool.pool,
  GlobalAveragePool: blockedPool.pool,
  MaxPoolGrad: blockedPool.maxPoolGrad,
  GlobalAveragePoolGrad: blockedPool.globalAveragePoolGrad,
  Concat: blockedPool.concat,
  BatchNormalization: blockedNorm.batchNormalization,
  BatchNormTraining: blockedNorm.batchNormTraining,
  BatchNormTrainingGrad: blockedNorm.batchNormTrainingGrad,
  BatchNormFrozenGrad: blockedNorm.batchNormFrozenGrad,
  GroupNormalization: blockedNorm.groupNormalization,
  GroupNormGrad: blockedNorm.groupNormGrad,
};

const STANDARD: Readonly<Record<string, LowerRule>> = {
  ConvInputGrad: conv.convInputGrad,
  ConvFilterGrad: conv.convFilterGrad,
  ChannelSum: conv.channelSum,
  MaxPoolGrad: pool.maxPoolGrad,
  AveragePoolGrad: pool.averagePoolGrad,
  GlobalAveragePoolGrad: pool.globalAveragePoolGrad,
  BatchNormTraining: norm.batchNormTraining,
  BatchNormTrainingGrad: norm.batchNormTrainingGrad,
  BatchNormFrozenGrad: norm.batchNormFrozenGrad,
  GroupNormalization: norm.groupNormalization,
  GroupNormGrad: norm.groupNormGrad,
  LayerNormalization: layerNorm.layerNormalization,
  LayerNormGrad: layerNorm.layerNormGrad,
  SliceGrad: sliceGrad,
  SoftmaxCrossEntropy: loss.softmaxCrossEntropy,
  SigmoidCrossEntropy: loss.sigmoidCrossEntropy,
  ExampleSquaredNorm: examples.exampleSquaredNorm,
  ExampleSum: examples.exampleSum,
};

const asItIs: LowerRule = (context, node) => {
  if (node.domain !== '') return false;
  const inputs = node.inputs.map((name) => context.plain(name));
  const outputs = context.emit.add(node.op, inputs, node.attributes, node.domain, node.outputs.length);
  node.outputs.forEach((name, index) => {
    context.setPlain(name, outputs[index] ?? '');
  });
  return true;
};

/** Passes a value on without a node; the finished graph renames or copies it where it is an output. */
const identity: LowerRule = (context, node) => {
  const [from = ''] = node.inputs;
  if (context.isBlocked(from)) context.setBlocked(outputOf(node), context.blocked(from));
  else context.setPlain(outputOf(node), context.plain(from));
  return true;
};

function rulesFor(op: string, target: LowerTarget): readonly LowerRule[] {
  const blocked = target.blockSize === undefined ? undefined : BLOCKED[op];
  const rules = [blocked, op === 'Identity' ? identity : elementwiseRule, STANDARD[op], asItIs];
  return rules.filter((rule) => rule !== undefined);
}

function typesOf(graph: Graph): ReadonlyMap<string, TensorType> {
  const build = replay(graph, 1);
  const names = [
    ...graph.inputs.map((input) => input.name),
    ...graph.constants.keys(),
    ...graph.nodes.flatMap((node) => node.outputs),
  ];
  return new Map(names.filter((name) => name !== '').map((name) => [name, build.typeOf(name)]));
}

/**
 * @param source a graph with a bound batch size
 * @throws GraphError for an operator that the target has no form for
 */
export function lower(source: Graph, target: LowerTarget): Graph {
  const graph = joinFilterGradients(maskBeforeUnpooling(source));
  const types = typesOf(graph);
  const emit = new Emitter();
  const context = new LowerContext(graph, types, target, emit);
  for (const input of graph.inputs) context.setPlain(input.name, input.name);
  for (const [name, tensor] of graph.constants) {
    emit.keep(name, tensor);
    context.setPlain(name, name);
  }
  for (const node of graph.nodes) {
    const done = node.outputs.every((name) => name === '' || context.isSet(name));
    if (done) continue;
    if (!rulesFor(node.op, target).some((rule) => rule(context, node))) {
      throw new GraphError(`${describeNode(node)} cannot be run: no lowering is known.`);
    }
  }
  const outputs = graph.outputs.map((output) => [output, context.plain(output.name)] as const);
  return emit.finish(graph.name, graph.inputs, outputs);
}
