/** Every operator that a graph may hold. */
import type { Domain } from '../graph/types.ts';
import { add } from './add.ts';
import { averagePool, averagePoolGrad } from './average-pool.ts';
import {
  batchNormalization,
  batchNormFrozenGrad,
  batchNormTraining,
  batchNormTrainingGrad,
} from './batch-normalization.ts';
import { clip, clipGrad } from './clip.ts';
import { concat } from './concat.ts';
import { channelSum, conv, convFilterGrad, convInputGrad } from './conv.ts';
import { convTranspose } from './conv-transpose.ts';
import { sigmoidCrossEntropy, softmaxCrossEntropy } from './cross-entropy.ts';
import { div } from './div.ts';
import { dropout, maskedDropout } from './dropout.ts';
import { erf } from './erf.ts';
import { exampleSquaredNorm, exampleSum } from './example-sums.ts';
import { exp } from './exp.ts';
import { expand } from './expand.ts';
import { flatten } from './flatten.ts';
import { gelu, geluGrad } from './gelu.ts';
import { gemm } from './gemm.ts';
import { globalAveragePool, globalAveragePoolGrad } from './global-average-pool.ts';
import { groupNormalization, groupNormGrad } from './group-normalization.ts';
import { hardSigmoid, hardSigmoidGrad } from './hard-sigmoid.ts';
import { hardSwish, hardSwishGrad } from './hard-swish.ts';
import { identity } from './identity.ts';
import { layerNormalization, layerNormGrad } from './layer-normalization.ts';
import { leakyRelu, leakyReluGrad } from './leaky-relu.ts';
import { matmul } from './matmul.ts';
import { maxPool, maxPoolGrad } from './max-pool.ts';
import { mul } from './mul.ts';
import { neg } from './neg.ts';
import type { Operator } from './operator.ts';
import { pad } from './pad.ts';
import { plainMath } from './plain-math.ts';
import { pow } from './pow.ts';
import { prelu, preluGrad } from './prelu.ts';
import { reciprocal } from './reciprocal.ts';
import { reduceMean } from './reduce-mean.ts';
import { reduceSum } from './reduce-sum.ts';
import { relu, reluGrad } from './relu.ts';
import { reshape } from './reshape.ts';
import { sigmoid } from './sigmoid.ts';
import { slice, sliceGrad } from './slice.ts';
import { softmax } from './softmax.ts';
import { sqrt } from './sqrt.ts';
import { sub } from './sub.ts';
import { tanh } from './tanh.ts';
import { transpose } from './transpose.ts';

const operators: readonly Operator[] = [
  ...[add, averagePool, averagePoolGrad, batchNormalization, batchNormFrozenGrad, batchNormTraining],
  ...[batchNormTrainingGrad, channelSum, clip, clipGrad, concat, conv, convFilterGrad, convInputGrad, div],
  ...[dropout, expand, flatten, gemm, globalAveragePool, globalAveragePoolGrad, groupNormalization],
  ...[groupNormGrad, hardSwish, hardSwishGrad, identity, maskedDropout, matmul, maxPool, maxPoolGrad, mul],
  ...[neg, reduceMean, reduceSum, relu, reluGrad, reshape, sigmoid, sigmoidCrossEntropy, slice, softmax],
  ...[softmaxCrossEntropy, sub, transpose],
  ...[convTranspose, erf, exp, gelu, geluGrad, hardSigmoid, hardSigmoidGrad, layerNormalization],
  ...[layerNormGrad, leakyRelu, leakyReluGrad, pad, pow, prelu, preluGrad, reciprocal, sliceGrad, sqrt, tanh],
  ...plainMath,
  exampleSquaredNorm,
  exampleSum,
];

const byName = new Map(operators.map((operator) => [`${operator.domain}:${operator.op}`, operator]));

export function findOperator(domain: Domain, op: string): Operator | undefined {
  return byName.get(`${domain}:${op}`);
}

/** Names of the differentiable standard operators, sorted: what a model read from a file may hold. */
export const SUPPORTED_OPERATORS: readonly string[] = operators
  .filter((operator) => operator.domain === '' && operator.gradient !== undefined)
  .map((operator) => operator.op)
  .concat('Dropout')
  .sort();
