/** The built-in architectures by name, as a plan or a command names them. */
import { z } from 'zod';
import type { Model } from '../graph/types.ts';
import { cnn, cnnOptionsSchema } from './cnn.ts';
import { mobile, mobileOptionsSchema } from './mobile.ts';
import { resnet, resnetOptionsSchema } from './resnet.ts';

export const architectureSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('cnn'), options: cnnOptionsSchema.prefault({}) }),
  z.strictObject({ name: z.literal('resnet'), options: resnetOptionsSchema.prefault({}) }),
  z.strictObject({ name: z.literal('mobile'), options: mobileOptionsSchema.prefault({}) }),
]);
export type Architecture = z.infer<typeof architectureSchema>;

export const ARCHITECTURE_NAMES = ['cnn', 'resnet', 'mobile'] as const;

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
