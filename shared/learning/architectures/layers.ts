/** Layers of the built-in architectures: a graph builder with the parameters that its layers bring. */
import { float, int, ints } from '../graph/attributes.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Initializer, Model, Parameter, ParameterKind } from '../graph/types.ts';

export type Normalization = 'none' | 'batch' | 'group';

/** Groups of GroupNorm: 8 where the channels allow it (Wu, He 2018, Table 3: 2 to 32 are within .5 points). */
const GROUPS = 8;

export interface ConvOptions {
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly group?: number;
  readonly bias?: boolean;
}

export class Layers {
  readonly build: GraphBuilder;
  readonly #parameters: Parameter[] = [];

  constructor(name: string, imageDims: readonly [number, number, number]) {
    this.build = new GraphBuilder(name);
    this.build.input('images', ['N', ...imageDims]);
  }

  channelsOf(x: string): number {
    return this.build.typeOf(x).dims[1] ?? 0;
  }

  parameter(name: string, dims: readonly number[], kind: ParameterKind, initializer: Initializer): string {
    const running = kind === 'runningMean' || kind === 'runningVariance';
    this.#parameters.push({ name, dims, kind, trainable: !running, initializer });
    return this.build.input(name, dims);
  }

  /** Convolution with "same" padding for odd kernels. */
  conv(x: string, name: string, options: ConvOptions): string {
    const { filters, kernel, stride = 1, group = 1, bias = true } = options;
    const perGroup = this.channelsOf(x) / group;
    const pad = (kernel - 1) / 2;
    const weight = this.parameter(`${name}.weight`, [filters, perGroup, kernel, kernel], 'kernel', {
      kind: 'he',
      fanIn: perGroup * kernel * kernel,
    });
    const shift = bias ? [this.parameter(`${name}.bias`, [filters], 'bias', { kind: 'zeros' })] : [];
    return this.build.op('Conv', [x, weight, ...shift], {
      kernel_shape: ints([kernel, kernel]),
      strides: ints([stride, stride]),
      pads: ints([pad, pad, pad, pad]),
      group: int(group),
    });
  }

  normalize(x: string, name: string, kind: Normalization): string {
    const channels = this.channelsOf(x);
    switch (kind) {
      case 'none':
        return x;
      case 'batch': {
        const inputs = this.#scaleAndShift(name, channels);
        const mean = this.parameter(`${name}.mean`, [channels], 'runningMean', { kind: 'zeros' });
        const variance = this.parameter(`${name}.variance`, [channels], 'runningVariance', { kind: 'ones' });
        return this.build.op('BatchNormalization', [x, ...inputs, mean, variance], { epsilon: float(1e-5) });
      }
      case 'group': {
        const groups = channels % GROUPS === 0 ? GROUPS : 1;
        const inputs = this.#scaleAndShift(name, channels);
        const attributes = { num_groups: int(groups), epsilon: float(1e-5) };
        return this.build.op('GroupNormalization', [x, ...inputs], attributes);
      }
    }
  }

  #scaleAndShift(name: string, channels: number): readonly [string, string] {
    return [
      this.parameter(`${name}.scale`, [channels], 'normScale', { kind: 'ones' }),
      this.parameter(`${name}.shift`, [channels], 'normShift', { kind: 'zeros' }),
    ];
  }

  relu(x: string): string {
    return this.build.op('Relu', [x]);
  }

  maxPool(x: string): string {
    return this.build.op('MaxPool', [x], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
  }

  /** Mean over positions, [N, C]. */
  globalPool(x: string): string {
    return this.build.op('Flatten', [this.build.op('GlobalAveragePool', [x])]);
  }

  flatten(x: string): string {
    return this.build.op('Flatten', [x]);
  }

  dropout(x: string, ratio: number): string {
    if (ratio === 0) return x;
    return this.build.own('Dropout', [x], { ratio: float(ratio) })[0] ?? x;
  }

  /** Fully connected layer; its weights are [inputs, outputs]. */
  dense(x: string, name: string, outputs: number, initializer: 'he' | 'glorot'): string {
    const inputs = this.channelsOf(x);
    const start: Initializer =
      initializer === 'he'
        ? { kind: 'he', fanIn: inputs }
        : { kind: 'glorot', fanIn: inputs, fanOut: outputs };
    const weight = this.parameter(`${name}.weight`, [inputs, outputs], 'kernel', start);
    const bias = this.parameter(`${name}.bias`, [outputs], 'bias', { kind: 'zeros' });
    return this.build.op('Gemm', [x, weight, bias]);
  }

  /** The classifier whose last layer is a dense one from `features` [N, F] to the classes. */
  model(features: string, classCount: number, imageDims: readonly [number, number, number]): Model {
    const scores = this.dense(features, 'head', classCount, 'glorot');
    const logits = this.build.op('Identity', [scores], {}, { outputs: ['logits'] });
    return { graph: this.build.build([logits]), parameters: this.#parameters, imageDims, classCount };
  }
}
