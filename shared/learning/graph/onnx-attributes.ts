/**
 * The attributes that our operators understand when a file is read. Anything else is refused by name: an attribute
 * that is passed over would give a model with other outputs than the one that was exported.
 */
import { GraphError } from '../../errors.ts';
import { describeNode } from './attributes.ts';
import { quoted } from './onnx-limits.ts';
import type { Node } from './types.ts';

const WINDOW = ['auto_pad', 'dilations', 'kernel_shape', 'pads', 'strides'];
const REDUCTION = ['keepdims', 'noop_with_empty_axes'];

const KNOWN: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['AveragePool', [...WINDOW, 'ceil_mode', 'count_include_pad']],
  // `momentum` concerns the training form alone.
  ['BatchNormalization', ['epsilon', 'momentum', 'training_mode']],
  ['Concat', ['axis']],
  ['Conv', [...WINDOW, 'group']],
  ['ConvTranspose', ['auto_pad', 'dilations', 'group', 'kernel_shape', 'output_padding', 'pads', 'strides']],
  // `seed` concerns a random mask; ours is an input.
  ['Dropout', ['seed']],
  ['Flatten', ['axis']],
  ['Gelu', ['approximate']],
  ['Gemm', ['alpha', 'beta', 'transA', 'transB']],
  // `stash_type` is checked below.
  ['GroupNormalization', ['epsilon', 'num_groups', 'stash_type']],
  ['HardSigmoid', ['alpha', 'beta']],
  ['LayerNormalization', ['axis', 'epsilon', 'stash_type']],
  ['LeakyRelu', ['alpha']],
  // `storage_order` concerns the indices, which are refused as a second output.
  ['MaxPool', [...WINDOW, 'ceil_mode', 'storage_order']],
  ['Pad', ['mode']],
  ['ReduceMean', REDUCTION],
  ['ReduceSum', REDUCTION],
  ['Reshape', ['allowzero']],
  ['Softmax', ['axis']],
  ['Transpose', ['perm']],
]);

/** The only value of an attribute that is supported. */
const FIXED: ReadonlyMap<string, number> = new Map([
  ['training_mode', 0],
  ['stash_type', 1],
]);

/** @throws GraphError for an attribute that the operator does not have here, or a value that is not supported. */
export function requireKnownAttributes(node: Node): void {
  const known = KNOWN.get(node.op) ?? [];
  for (const [name, attribute] of Object.entries(node.attributes)) {
    if (!known.includes(name))
      throw new GraphError(
        `${describeNode(node)} has the attribute ${quoted(name)}, which is not supported.`,
      );
    const fixed = FIXED.get(name);
    if (fixed !== undefined && (attribute.kind !== 'int' || attribute.value !== fixed))
      throw new GraphError(
        `${describeNode(node)} sets ${quoted(name)} to another value than ${String(fixed)}, which is not supported.`,
      );
  }
}
