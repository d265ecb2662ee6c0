/** The built-in architectures by name, as a plan or a command names them. */
import type { Model } from '../graph/types.ts';
import { cnn } from './cnn.ts';
import { mobile } from './mobile.ts';
import { resnet } from './resnet.ts';
import type { Architecture } from './schema.ts';

export { ARCHITECTURE_NAMES, architectureSchema, type Architecture } from './schema.ts';

/**
 * @param imageDims [channels, height, width]
 * @throws InputError when the image does not fit the architecture
 */
export function buildModel(
  architecture: Architecture,
  imageDims: readonly [number, number, number],
  classCount: number,
): Model {
  switch (architecture.name) {
    case 'cnn':
      return cnn(imageDims, classCount, architecture.options);
    case 'resnet':
      return resnet(imageDims, classCount, architecture.options);
    case 'mobile':
      return mobile(imageDims, classCount, architecture.options);
  }
}
