/** Depthwise separable convolutions (MobileNet, Howard et al. 2017, §3.1): few weights to train and to send. */
import type { Model } from '../graph/types.ts';
import { Layers, type Normalization } from './layers.ts';
import type { MobileOptions } from './schema.ts';

export function mobile(
  imageDims: readonly [number, number, number],
  classCount: number,
  options: MobileOptions,
): Model {
  const layers = new Layers('mobile', imageDims);
  const bias = options.normalization === 'none';
  const activate = (x: string, name: string): string => {
    const kind: Normalization = options.normalization;
    const y = layers.normalize(x, name, kind);
    return options.activation === 'relu' ? layers.relu(y) : layers.build.op('HardSwish', [y]);
  };
  const first = options.widths[0] ?? 32;
  let x = activate(layers.conv('images', 'stem', { filters: first, kernel: 3, bias }), 'stem.norm');
  options.widths.forEach((filters, index) => {
    const name = `block${String(index)}`;
    const channels = layers.channelsOf(x);
    const stride = index === 0 ? 1 : 2;
    const depth = { filters: channels, kernel: 3, stride, group: channels, bias };
    x = activate(layers.conv(x, `${name}.depthwise`, depth), `${name}.depthnorm`);
    x = activate(layers.conv(x, `${name}.pointwise`, { filters, kernel: 1, bias }), `${name}.norm`);
  });
  return layers.model(layers.dropout(layers.globalPool(x), options.dropout), classCount, imageDims);
}
