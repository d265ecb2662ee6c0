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
import { sigmoidCrossEntropy, softmaxCrossEntropy } from './cross-entropy.ts';
import { div } from './div.ts';
import { dropout, maskedDropout } from './dropout.ts';
import { exampleSquaredNorm, exampleSum } from './example-sums.ts';
import { expand } from './expand.ts';
import { flatten } from './flatten.ts';
import { gemm } from './gemm.ts';
import { globalAveragePool, globalAveragePoolGrad } from './global-average-pool.ts';
import { groupNormalization, groupNormGrad } from './group-normalization.ts';
import { hardSwish, hardSwishGrad } from './hard-swish.ts';
import { identity } from './identity.ts';
import { matmul } from './matmul.ts';
import { maxPool, maxPoolGrad } from './max-pool.ts';
import { mul } from './mul.ts';
import { neg } from './neg.ts';
import type { Operator } from './operator.ts';
import { plainMath } from './plain-math.ts';
import { reduceMean } from './reduce-mean.ts';
import { reduceSum } from './reduce-sum.ts';
import { relu, reluGrad } from './relu.ts';
import { reshape } from './reshape.ts';
import { sigmoid } from './sigmoid.ts';
import { slice } from './slice.ts';
import { softmax } from './softmax.ts';
import { sub } from './sub.ts';
import { transpose } from './transpose.ts';

const operators: readonly Operator[] = [
  ...[add, averagePool, averagePoolGrad, batchNormalization, batchNormFrozenGrad, batchNormTraining],
  ...[batchNormTrainingGrad, channelSum, clip, clipGrad, concat, conv, convFilterGrad, convInputGrad, div],
  ...[dropout, expand, flatten, gemm, globalAveragePool, globalAveragePoolGrad, groupNormalization],
  ...[groupNormGrad, hardSwish, hardSwishGrad, identity, maskedDropout, matmul, maxPool, maxPoolGrad, mul],
  ...[neg, reduceMean, reduceSum, relu, reluGrad, reshape, sigmoid, sigmoidCrossEntropy, slice, softmax],
  ...[softmaxCrossEntropy, sub, transpose],
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
