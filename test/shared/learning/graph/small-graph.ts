/** A graph that every test of the file format can use. */
import { float, int, ints, text } from '../../../../shared/learning/graph/attributes.ts';
import { GraphBuilder } from '../../../../shared/learning/graph/builder.ts';
import type { Graph } from '../../../../shared/learning/graph/types.ts';

/** conv (4×4 → 3×3), dropout, relu, pool (→ 2×2), reshape, gemm: constants of both types, every kind of attribute. */
export function smallGraph(): Graph {
  const build = new GraphBuilder('small');
  build.input('images', ['N', 1, 4, 4]);
  build.input('kernel', [1, 1, 3, 3]);
  const matrix = Float32Array.of(0, -1, 2.5, 3, 1e-40, 5, 6, 7);
  build.namedConstant('matrix', { dtype: 'float32', dims: [2, 4], data: matrix });
  build.namedConstant('shape', { dtype: 'int64', dims: [2], data: [0, -1] });
  const window = { auto_pad: text('NOTSET'), pads: ints([1, 1, 0, 0]), group: int(1) };
  build.add('Conv', ['images', 'kernel'], window, { name: 'conv', outputs: ['c'] });
  const ratio = { ratio: float(0.25) };
  build.add('Dropout', ['c'], ratio, { domain: 'consilium', name: 'drop', outputs: ['d'] });
  build.add('Relu', ['d'], {}, { name: 'relu', outputs: ['r'] });
  build.add('MaxPool', ['r'], { kernel_shape: ints([2, 2]) }, { name: 'pool', outputs: ['p'] });
  build.add('Reshape', ['p', 'shape'], {}, { name: 'flat', outputs: ['f'] });
  const half = { transB: int(1), alpha: float(0.5) };
  build.add('Gemm', ['f', 'matrix'], half, { name: 'out', outputs: ['logits'] });
  return build.build(['logits']);
}
