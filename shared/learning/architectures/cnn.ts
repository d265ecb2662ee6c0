/**
 * The classic convolutional classifier: [convolution – (normalisation) – ReLU – pooling]×n, dense, dropout, softmax.
 * With its defaults at 28×28×1 and two classes: 16, 32 and 64 filters, 224 thousand parameters.
 */
import { InputError } from '../../errors.ts';
import type { Model } from '../graph/types.ts';
import { Layers } from './layers.ts';
import type { CnnOptions } from './schema.ts';

/** @throws InputError when the image is too small for the pooling steps. */
export function cnn(
  imageDims: readonly [number, number, number],
  classCount: number,
  options: CnnOptions,
): Model {
  const { filters, normalization } = options;
  const smallest = Math.min(imageDims[1], imageDims[2]);
  const needed = 2 ** (options.head === 'pool' ? filters.length : filters.length - 1);
  if (smallest < needed) {
    throw new InputError(
      `A cnn of ${String(filters.length)} blocks needs images of at least ${String(needed)} pixels a side, got ${String(smallest)}.`,
    );
  }
  const layers = new Layers('cnn', imageDims);
  let x = 'images';
  filters.forEach((count, block) => {
    for (let i = 0; i < options.convolutionsPerBlock; i++) {
      const name = `block${String(block)}.conv${String(i)}`;
      x = layers.conv(x, name, { filters: count, kernel: 3, bias: normalization === 'none' });
      x = layers.relu(layers.normalize(x, `block${String(block)}.norm${String(i)}`, normalization));
    }
    if (block < filters.length - 1) x = layers.maxPool(x);
  });
  x = headOf(layers, x, options.head);
  if (options.dense > 0) x = layers.relu(layers.dense(x, 'dense', options.dense, 'he'));
  return layers.model(layers.dropout(x, options.dropout), classCount, imageDims);
}

function headOf(layers: Layers, x: string, head: CnnOptions['head']): string {
  switch (head) {
    case 'flatten':
      return layers.flatten(x);
    case 'pool':
      return layers.flatten(layers.maxPool(x));
    case 'mean':
      return layers.globalPool(x);
  }
}
