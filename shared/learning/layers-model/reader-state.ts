/**
 * The graph while a LayersModel is read. Keras orders images as [N, H, W, C], the graph as [N, C, H, W]; a value remembers
 * in which form the graph holds it, so that almost nothing has to be transposed: weights are reordered instead.
 */
import { GraphError, InvariantError } from '../../errors.ts';
import { ints } from '../graph/attributes.ts';
import { GraphBuilder, NOMINAL_BATCH } from '../graph/builder.ts';
import { quoted } from '../graph/onnx-limits.ts';
import { sameDims, showDims } from '../graph/shapes.ts';
import type { Attributes, Parameter, ParameterKind } from '../graph/types.ts';
import { sizeOf } from '../weights.ts';
import type { LayerCall } from './topology.ts';
import type { LayersModelLimits } from './limits.ts';
import { permute } from './permute.ts';
import type { WeightTensor } from './weight-files.ts';

/** top, left, bottom, right */
export type Pads = readonly [number, number, number, number];
export const NO_PADS: Pads = [0, 0, 0, 0];

interface Known {
  readonly name: string;
  /** No element is below zero. */
  readonly nonNegative: boolean;
}

export type Value =
  /** In Keras' order. */
  | (Known & { readonly form: 'plain' })
  /** [N, C, H, W] for Keras' [N, H, W, C]; zeros are still to be put around it. */
  | (Known & { readonly form: 'image'; readonly pads: Pads })
  /** [N, C·H·W] for Keras' [N, H·W·C]. */
  | (Known & { readonly form: 'flat'; readonly image: readonly [number, number, number] });

export const plain = (name: string, nonNegative = false): Value => ({ name, form: 'plain', nonNegative });
export const image = (name: string, nonNegative = false): Value => ({
  name,
  form: 'image',
  nonNegative,
  pads: NO_PADS,
});

const TO_KERAS = [0, 2, 3, 1];
const FROM_KERAS = [0, 3, 1, 2];

export class ReaderState {
  readonly build: GraphBuilder;
  readonly #parameters: Parameter[] = [];
  /** Parameter → the layer that has made it. */
  readonly #owners = new Map<string, string>();
  readonly #weights = new Map<string, WeightTensor[]>();
  readonly #limits: LayersModelLimits;

  constructor(name: string, weights: readonly WeightTensor[], limits: LayersModelLimits) {
    this.build = new GraphBuilder(name);
    this.#limits = limits;
    for (const weight of weights) {
      const key = weightKey(weight.name);
      this.#weights.set(key, [...(this.#weights.get(key) ?? []), weight]);
    }
  }

  get parameters(): readonly Parameter[] {
    return this.#parameters;
  }

  /** Dimensions of a graph value; the batch is `NOMINAL_BATCH`. */
  dims(name: string): readonly number[] {
    return this.build.typeOf(name).dims;
  }

  /** One node; its output is checked against the limit. */
  op(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const [name] =
      op === 'Dropout' ? this.build.own(op, inputs, attributes) : this.build.add(op, inputs, attributes);
    if (name === undefined) throw new InvariantError(`${op} has no output`);
    const elements = sizeOf(this.dims(name)) / NOMINAL_BATCH;
    if (!(elements <= this.#limits.valueElements))
      throw new GraphError(
        `A ${op} of the model makes ${String(elements)} values an example; ${String(this.#limits.valueElements)} are allowed.`,
      );
    return name;
  }

  /**
   * A weight of a layer, by one of its names in Keras ("kernel", "gamma", …).
   * @param dims the shape that it must have
   * @throws GraphError when the file does not hold it, holds several, or with another shape
   */
  weight(call: LayerCall, names: readonly string[], dims: readonly number[]): Float32Array {
    const layer = call.layer.split('/').at(-1) ?? call.layer;
    const wanted = names.map((name) => `${layer}/${name}`);
    const named = wanted.flatMap((key) => this.#weights.get(key) ?? []);
    const found = narrowed(named, call.layer);
    const [weight] = found;
    if (weight === undefined)
      throw new GraphError(`The file holds no weight ${quoted(wanted[0] ?? '')} for the layer.`);
    if (found.length > 1)
      throw new GraphError(
        `The file holds ${String(found.length)} weights named ${quoted(wanted[0] ?? '')}.`,
      );
    if (!sameDims(weight.dims, dims))
      throw new GraphError(
        `The weight ${quoted(weight.name)} has the shape ${showDims(weight.dims)}; ${showDims(dims)} is needed.`,
      );
    return weight.data;
  }

  /**
   * A parameter with values from the file, named after the layer; a layer that is called again uses the same.
   * @throws GraphError when another layer has made one of that name
   */
  parameter(
    call: LayerCall,
    suffix: string,
    more: { readonly dims: readonly number[]; readonly kind: ParameterKind; readonly values: Float32Array },
  ): string {
    const name = `${call.layer}.${suffix}`;
    const owner = this.#owners.get(name);
    if (owner === call.layer && sameDims(this.dims(name), more.dims)) return name;
    if (owner === call.layer)
      throw new GraphError('A layer that is called on images and on vectors is not supported.');
    if (owner !== undefined)
      throw new GraphError(`Layer ${quoted(owner)} has weights that would have the same name.`);
    const { dims, kind, values } = more;
    const trainable = kind !== 'runningMean' && kind !== 'runningVariance';
    this.#owners.set(name, call.layer);
    this.#parameters.push({ name, dims, kind, trainable, initializer: { kind: 'given', values } });
    return this.build.input(name, dims);
  }

  hasParameter(name: string): boolean {
    return this.#owners.has(name);
  }

  /** The value in Keras' order. */
  toPlain(value: Value): string {
    switch (value.form) {
      case 'plain':
        return value.name;
      case 'image':
        return this.op('Transpose', [this.toImage(value)], { perm: ints(TO_KERAS) });
      case 'flat': {
        const [channels, height, width] = value.image;
        const whole = this.op('Reshape', [value.name, this.build.ints([0, channels, height, width])]);
        return this.op('Flatten', [this.op('Transpose', [whole], { perm: ints(TO_KERAS) })]);
      }
    }
  }

  /** The value as [N, C, H, W], with its zeros around it. @throws GraphError when it is no image */
  toImage(value: Value): string {
    if (value.form === 'image') return this.#padded(value.name, value.pads);
    if (value.form === 'plain' && this.dims(value.name).length === 4)
      return this.op('Transpose', [value.name], { perm: ints(FROM_KERAS) });
    throw new GraphError('The layer needs an image as its input.');
  }

  #padded(name: string, [top, left, bottom, right]: Pads): string {
    if (sameDims([top, left, bottom, right], NO_PADS)) return name;
    return this.op('Pad', [name, this.build.ints([0, 0, top, left, 0, 0, bottom, right])]);
  }

  /**
   * Values that Keras holds for each feature of a vector or each row of a matrix behind it, in the order of the graph.
   * @param columns values of one feature
   */
  inFeatureOrder(value: Value, values: Float32Array, columns: number): Float32Array {
    if (value.form !== 'flat') return values;
    const [channels, height, width] = value.image;
    return permute(values, [height, width, channels, columns], [2, 0, 1, 3]);
  }
}

/** The layer and the weight: the last two parts of a name such as `model/conv2d_1/kernel:0`. */
function weightKey(name: string): string {
  return name.replace(/:0$/, '').split('/').slice(-2).join('/');
}

/** Of weights of one short name those whose full name ends in the whole path of the layer, where there are any. */
function narrowed(weights: readonly WeightTensor[], path: string): readonly WeightTensor[] {
  if (weights.length < 2) return weights;
  const exact = weights.filter(({ name }) => `/${name}`.includes(`/${path}/`));
  return exact.length > 0 ? exact : weights;
}
