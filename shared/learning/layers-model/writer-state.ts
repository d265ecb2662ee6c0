/**
 * The layers while a graph is written as a LayersModel. TensorFlow.js orders images as [N, H, W, C], the graph as
 * [N, C, H, W]; a value remembers in which form its layer puts it out, so that almost nothing has to be permuted.
 */
import { GraphError } from '../../errors.ts';
import { permute } from './permute.ts';

/** A model has something that no composition of TensorFlow.js layers computes; its ONNX file is not concerned. */
export class LayersModelUnsupportedError extends GraphError {
  override readonly code: string = 'LAYERS_MODEL_UNSUPPORTED';
}

export interface Weight {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export interface WrittenWeight extends Weight {
  readonly name: string;
}

/** As Keras 2 writes it, which TensorFlow.js reads. */
export interface WrittenLayer {
  readonly class_name: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inbound_nodes: readonly (readonly (readonly [string, number, number, object])[])[];
}

export type Sign = 'any' | 'nonNegative' | 'nonPositive';

export interface LayerValue {
  /** The layer whose output it is. */
  readonly layer: string;
  /** Dimensions in the graph, without the batch. */
  readonly dims: readonly number[];
  /**
   * plain: the layer's output is in the graph's order; image: [H, W, C] for the graph's [C, H, W]; pixel: [C] for [C, 1, 1];
   * flat: [H·W·C] for the graph's [C·H·W], of the image in `image`.
   */
  readonly form: 'plain' | 'image' | 'pixel' | 'flat';
  readonly image: readonly [number, number, number];
  readonly sign: Sign;
}

const NO_IMAGE = [0, 0, 0] as const;

export interface LayerDraft {
  readonly config?: Readonly<Record<string, unknown>>;
  /** By their names in TensorFlow.js: "kernel", "gamma", … */
  readonly weights?: readonly (readonly [string, Weight])[];
  /** Wished name; a number is added where another layer has it. */
  readonly name?: string;
}

export class WriterState {
  readonly layers: WrittenLayer[] = [];
  readonly weights: WrittenWeight[] = [];
  readonly #names = new Set<string>();

  /**
   * Adds a layer and returns its name. An input that is listed again is copied first: TensorFlow.js (4.22) counts the two
   * as one user of the value and frees it before its other users have run.
   */
  add(className: string, given: readonly string[], draft: LayerDraft = {}): string {
    const inputs = given.map((input, index) =>
      given.indexOf(input) === index
        ? input
        : this.add('Rescaling', [input], { config: { scale: 1, offset: 0 } }),
    );
    const name = this.#unique(draft.name ?? className.toLowerCase());
    for (const [suffix, weight] of draft.weights ?? []) {
      this.weights.push({ ...weight, name: `${name}/${suffix}` });
    }
    this.layers.push({
      class_name: className,
      name,
      config: { name, trainable: true, dtype: 'float32', ...draft.config },
      inbound_nodes: inputs.length === 0 ? [] : [inputs.map((input) => [input, 0, 0, {}] as const)],
    });
    return name;
  }

  /** TensorFlow.js allows letters, digits and _ . - / in the names of weights. */
  #unique(wished: string): string {
    const base = wished
      .replace(/[^A-Za-z0-9_.-]+/g, '_')
      .replace(/^[^A-Za-z0-9]/, 'x$&')
      .slice(0, 200);
    let name = base;
    for (let number = 1; this.#names.has(name); number++) name = `${base}_${String(number)}`;
    this.#names.add(name);
    return name;
  }

  plain(layer: string, dims: readonly number[], sign: Sign = 'any'): LayerValue {
    return { layer, dims, form: 'plain', image: NO_IMAGE, sign };
  }

  /** @param dims [C, H, W] */
  image(layer: string, dims: readonly number[], sign: Sign = 'any'): LayerValue {
    return { layer, dims, form: 'image', image: NO_IMAGE, sign };
  }

  /** A layer that keeps dimensions and order. */
  unary(className: string, value: LayerValue, draft: LayerDraft, sign: Sign): LayerValue {
    return { ...value, layer: this.add(className, [value.layer], draft), sign };
  }

  /** The value as an image. */
  toImage(value: LayerValue): LayerValue {
    const [channels = 0] = value.dims;
    if (value.form === 'image') return value;
    if (value.form === 'pixel') {
      const layer = this.add('Reshape', [value.layer], { config: { target_shape: [1, 1, channels] } });
      return this.image(layer, value.dims, value.sign);
    }
    if (value.form === 'flat' || value.dims.length !== 3)
      throw new LayersModelUnsupportedError('A value that is no image is used as one.');
    const layer = this.add('Permute', [value.layer], { config: { dims: [2, 3, 1] } });
    return this.image(layer, value.dims, value.sign);
  }

  /** The value in the graph's order. */
  toPlain(value: LayerValue): LayerValue {
    const reshaped = (target_shape: readonly number[]): string =>
      this.add('Reshape', [value.layer], { config: { target_shape } });
    const channelsFirst = (layer: string): string =>
      this.add('Permute', [layer], { config: { dims: [3, 1, 2] } });
    switch (value.form) {
      case 'plain':
        return value;
      case 'pixel':
        return this.plain(reshaped(value.dims), value.dims, value.sign);
      case 'image':
        return this.plain(channelsFirst(value.layer), value.dims, value.sign);
      case 'flat': {
        const [channels, height, width] = value.image;
        const first = channelsFirst(reshaped([height, width, channels]));
        return this.plain(this.add('Flatten', [first]), value.dims, value.sign);
      }
    }
  }

  /** scale·x + shift with one scale and shift for each entry of the last axis of an output [H, W, C]. */
  channelAffine(layer: string, draft: { scale: Float32Array; shift: Float32Array; name?: string }): string {
    const { scale, shift, name } = draft;
    return this.add('DepthwiseConv2D', [layer], {
      ...(name === undefined ? {} : { name }),
      config: { kernel_size: [1, 1], strides: [1, 1], padding: 'valid', depth_multiplier: 1, use_bias: true },
      weights: [
        ['depthwise_kernel', { dims: [1, 1, scale.length, 1], data: scale }],
        ['bias', { dims: [shift.length], data: shift }],
      ],
    });
  }
}

/** Rows of a dense layer's matrix [features, units] in the order in which the value's layer puts features out. */
export function rowsFor(value: LayerValue, matrix: Weight): Weight {
  if (value.form !== 'flat') return matrix;
  const [channels, height, width] = value.image;
  const units = matrix.dims[1] ?? 0;
  return { dims: matrix.dims, data: permute(matrix.data, [channels, height, width, units], [1, 2, 0, 3]) };
}

export const filled = (length: number, value: number): Float32Array => new Float32Array(length).fill(value);
