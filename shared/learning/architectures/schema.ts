/** The built-in architectures and their options, as a plan says them. */
import { z } from 'zod';

export const cnnOptionsSchema = z.strictObject({
  /** Filters of each convolution, first to last. */
  filters: z.array(z.int().min(1).max(2048)).min(1).max(8).default([16, 32, 64]),
  /** Convolutions in a block, before its pooling. */
  convolutionsPerBlock: z.int().min(1).max(4).default(1),
  /** Units of the dense layer; 0 leaves it out. */
  dense: z.int().min(0).max(8192).default(64),
  dropout: z.number().min(0).max(0.95).default(0),
  normalization: z.enum(['none', 'batch', 'group']).default('none'),
  /** What leads from the last feature map to the dense part: all of it, all of it after one more pooling, or its means. */
  head: z.enum(['flatten', 'pool', 'mean']).default('flatten'),
});
export type CnnOptions = z.infer<typeof cnnOptionsSchema>;

export const mobileOptionsSchema = z.strictObject({
  /** Filters of each separable block; every block but the first halves the size. */
  widths: z.array(z.int().min(1).max(2048)).min(1).max(10).default([32, 64, 128]),
  normalization: z.enum(['none', 'batch', 'group']).default('group'),
  activation: z.enum(['relu', 'hardswish']).default('relu'),
  dropout: z.number().min(0).max(0.95).default(0),
});
export type MobileOptions = z.infer<typeof mobileOptionsSchema>;

export const resnetOptionsSchema = z.strictObject({
  /** Filters of each stage; every stage but the first halves the size. */
  widths: z.array(z.int().min(1).max(2048)).min(1).max(6).default([16, 32, 64]),
  /** Residual blocks in a stage. */
  blocksPerStage: z.int().min(1).max(32).default(1),
  normalization: z.enum(['none', 'batch', 'group']).default('group'),
  dropout: z.number().min(0).max(0.95).default(0),
});
export type ResnetOptions = z.infer<typeof resnetOptionsSchema>;

export const architectureSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('cnn'), options: cnnOptionsSchema.prefault({}) }),
  z.strictObject({ name: z.literal('resnet'), options: resnetOptionsSchema.prefault({}) }),
  z.strictObject({ name: z.literal('mobile'), options: mobileOptionsSchema.prefault({}) }),
]);
export type Architecture = z.infer<typeof architectureSchema>;

export const ARCHITECTURE_NAMES = ['cnn', 'resnet', 'mobile'] as const;
