/** The one input of a foreign classifier: images in either channel order, with sizes that may be left open. */
import { GraphError } from '../../errors.ts';
import { int } from '../graph/attributes.ts';
import { quoted } from '../graph/onnx-limits.ts';
import type { ForeignGraph, ForeignInput } from './foreign-graph.ts';
import type { ImportContext } from './import-context.ts';

/** [channels, height, width] */
export type ImageDims = readonly [number, number, number];

export interface ImageInput {
  readonly name: string;
  /** What the model takes. */
  readonly imageDims: ImageDims;
  /** Channels that the foreign graph expects; more than `imageDims` has where a grey image stands for a colour one. */
  readonly channels: number;
  readonly channelsLast: boolean;
  /** The batch size that the file fixes; undefined where it is open. */
  readonly batch: number | undefined;
}

const FLOAT = 1;

function soleInput({ inputs }: ForeignGraph): ForeignInput {
  const [first, ...others] = inputs;
  if (first === undefined || others.length > 0)
    throw new GraphError(
      `A classifier has one input, the images; this model has ${String(inputs.length)}` +
        `${
          inputs.length === 0
            ? ''
            : `: ${inputs
                .slice(0, 5)
                .map(({ name }) => quoted(name))
                .join(', ')}`
        }.`,
    );
  return first;
}

const isChannels = (dim: number | string | undefined): boolean => dim === 1 || dim === 3;

/** The size to use: the wanted one, else the file's. @throws GraphError when neither is known */
function sizeOf(wanted: number | undefined, inFile: number | string | undefined, what: string): number {
  const size = wanted ?? (typeof inFile === 'number' ? inFile : undefined);
  if (size === undefined)
    throw new GraphError(`The model leaves the ${what} of its images open; say which images it is for.`);
  return size;
}

/**
 * @param wanted dimensions of the images that the model is to take; default: those of the file
 * @throws GraphError when the model does not take one batch of images
 */
export function imageInputOf(graph: ForeignGraph, wanted?: ImageDims): ImageInput {
  const { name, dims, elemType } = soleInput(graph);
  if (elemType !== FLOAT || dims.length !== 4)
    throw new GraphError(
      `Input ${quoted(name)} must be float32 images of four dimensions; this one has ${String(dims.length)}.`,
    );
  const channelsLast = isChannels(dims[3]) && !isChannels(dims[1]);
  const [batch, ...rest] = dims;
  const [inChannels, inHeight, inWidth] = channelsLast ? [rest[2], rest[0], rest[1]] : rest;
  const channels = typeof inChannels === 'number' ? inChannels : sizeOf(wanted?.[0], inChannels, 'channels');
  if (wanted && wanted[0] !== channels && wanted[0] !== 1)
    throw new GraphError(
      `The model takes images of ${String(channels)} channels; images of ${String(wanted[0])} do not fit.`,
    );
  const height = sizeOf(wanted?.[1], inHeight, 'height');
  const width = sizeOf(wanted?.[2], inWidth, 'width');
  if ([channels, height, width].some((size) => size < 1))
    throw new GraphError(`Input ${quoted(name)} has a size that is not positive.`);
  return {
    name,
    imageDims: [wanted?.[0] ?? channels, height, width],
    channels,
    channelsLast,
    // A batch of 0 or less means "any" in some exporters.
    batch: typeof batch === 'number' && batch > 0 ? batch : undefined,
  };
}

/** Adds the images and returns the value that stands for the foreign graph's input. */
export function addImages(context: ImportContext, input: ImageInput): string {
  const { build } = context;
  build.input('images', ['N', ...input.imageDims]);
  context.markPixels('images');
  let value = 'images';
  if (input.imageDims[0] !== input.channels) {
    const copies = Array<string>(input.channels).fill(value);
    value = context.emit('Concat', copies, { axis: int(1) });
    context.notes.add(`Grey images are repeated for the ${String(input.channels)} channels of the model.`);
  }
  if (input.channelsLast) value = context.transpose(value, [0, 2, 3, 1]);
  context.markPixels(value);
  return value;
}
