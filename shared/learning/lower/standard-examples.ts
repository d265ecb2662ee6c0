/** Norms and weighted sums of the gradients of single examples. */
import { inputOf, outputOf, type ExampleRows, type LowerContext, type LowerRule } from './context.ts';

function rowsOf(context: LowerContext, name: string): ExampleRows {
  const known = context.exampleRows.get(name);
  if (known !== undefined) return known;
  const dims = context.dims(name);
  const size = dims.slice(1).reduce((a, b) => a * b, 1);
  return {
    rows: context.emit.reshape(context.plain(name), [dims[0] ?? 0, size]),
    restore: (row) => context.emit.reshape(row, dims.slice(1)),
  };
}

export const exampleSquaredNorm: LowerRule = (context, node) => {
  const { emit } = context;
  const { rows } = rowsOf(context, inputOf(node, 0));
  const value = emit.op('ReduceSumSquare', [rows, emit.ints([1])], { keepdims: { kind: 'int', value: 1 } });
  context.setPlain(outputOf(node), value);
  return true;
};

export const exampleSum: LowerRule = (context, node) => {
  const { rows, restore } = rowsOf(context, inputOf(node, 1));
  const product = context.emit.op('Gemm', [context.plain(inputOf(node, 0)), rows]);
  context.setPlain(outputOf(node), restore(product));
  return true;
};
