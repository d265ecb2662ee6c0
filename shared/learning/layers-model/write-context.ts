/** What the rules see of a node of the graph that is written as layers. */
import type { GraphBuilder } from '../graph/builder.ts';
import { describeNode } from '../graph/attributes.ts';
import type { Node } from '../graph/types.ts';
import {
  LayersModelUnsupportedError,
  type LayerValue,
  type Weight,
  type WriterState,
} from './writer-state.ts';

export class WriteContext {
  readonly node: Node;
  readonly state: WriterState;
  readonly build: GraphBuilder;
  readonly #values: ReadonlyMap<string, LayerValue>;
  readonly #weights: ReadonlyMap<string, Weight>;

  constructor(
    node: Node,
    all: {
      readonly state: WriterState;
      readonly build: GraphBuilder;
      readonly values: ReadonlyMap<string, LayerValue>;
      readonly weights: ReadonlyMap<string, Weight>;
    },
  ) {
    this.node = node;
    this.state = all.state;
    this.build = all.build;
    this.#values = all.values;
    this.#weights = all.weights;
  }

  /** Dimensions of the output, without the batch. */
  get outputDims(): readonly number[] {
    return this.build.typeOf(this.node.outputs[0] ?? '').dims.slice(1);
  }

  /** Dimensions of input `index`, with the batch. */
  inputDims(index: number): readonly number[] {
    return this.build.typeOf(this.node.inputs[index] ?? '').dims;
  }

  has(index: number): boolean {
    return (this.node.inputs[index] ?? '') !== '';
  }

  /** Input `index` where layers compute it. */
  computed(index: number): LayerValue | undefined {
    return this.#values.get(this.node.inputs[index] ?? '');
  }

  value(index: number): LayerValue {
    return this.computed(index) ?? this.refuse(`its input ${String(index)} is no output of a layer`);
  }

  /** Input `index` where it is a parameter or a float constant. */
  constant(index: number): Weight | undefined {
    return this.#weights.get(this.node.inputs[index] ?? '');
  }

  weight(index: number): Weight {
    return this.constant(index) ?? this.refuse(`its input ${String(index)} is not constant`);
  }

  /** Input `index` where it is a constant list of integers. */
  ints(index: number): readonly number[] | undefined {
    const constant = this.build.constant(this.node.inputs[index] ?? '');
    return constant?.dtype === 'int64' ? constant.data : undefined;
  }

  /** A name for the layer: that of the parameter at `index` without its last part. */
  nameFrom(index: number): { readonly name?: string } {
    const parameter = this.node.inputs[index] ?? '';
    const end = parameter.lastIndexOf('.');
    return end > 0 ? { name: parameter.slice(0, end) } : {};
  }

  /** @throws LayersModelUnsupportedError with the node and the reason */
  refuse(reason: string): never {
    throw new LayersModelUnsupportedError(
      `${describeNode(this.node)} has no form in TensorFlow.js layers: ${reason}.`,
    );
  }
}

export type WriteRule = (context: WriteContext) => LayerValue;
