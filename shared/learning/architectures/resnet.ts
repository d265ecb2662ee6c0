/**
 * A small residual network (He et al. 2016) with GroupNorm (Wu, He 2018), which unlike BatchNorm does not mix the examples
 * of a batch and holds no running statistics to average between hospitals.
 */
import type { Model } from '../graph/types.ts';
import { Layers, type Normalization } from './layers.ts';
import type { ResnetOptions } from './schema.ts';

function residualBlock(
  layers: Layers,
  input: string,
  name: string,
  filters: number,
  stride: number,
  kind: Normalization,
): string {
  const convolution = (x: string, part: string, kernel: number, step: number): string => {
    const y = layers.conv(x, `${name}.${part}`, { filters, kernel, stride: step, bias: kind === 'none' });
    return layers.normalize(y, `${name}.${part}norm`, kind);
  };
  const first = layers.relu(convolution(input, 'a', 3, stride));
  const second = convolution(first, 'b', 3, 1);
  const same = stride === 1 && layers.channelsOf(input) === filters;
  const skip = same ? input : convolution(input, 'skip', 1, stride);
  return layers.relu(layers.build.op('Add', [second, skip]));
}

export function resnet(
  imageDims: readonly [number, number, number],
  classCount: number,
  options: ResnetOptions,
): Model {
  const { widths, normalization } = options;
  const layers = new Layers('resnet', imageDims);
  const stem = layers.conv('images', 'stem', {
    filters: widths[0] ?? 16,
    kernel: 3,
    bias: normalization === 'none',
  });
  let x = layers.relu(layers.normalize(stem, 'stem.norm', normalization));
  widths.forEach((filters, stage) => {
    for (let block = 0; block < options.blocksPerStage; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const name = `stage${String(stage)}.block${String(block)}`;
      x = residualBlock(layers, x, name, filters, stride, normalization);
    }
  });
  return layers.model(layers.dropout(layers.globalPool(x), options.dropout), classCount, imageDims);
}
