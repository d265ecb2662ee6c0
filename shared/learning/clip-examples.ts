/**
 * Per-example clipping inside the training graph (Abadi et al. 2016, Algorithm 1): each example's gradient over all
 * parameters is scaled to L2 norm at most C, then weighted and summed. Convolutions and normalisations give one gradient
 * an example; for dense layers the norm follows from the layer's input and output gradient alone (Goodfellow 2015,
 * "Efficient per-example gradient computations", §4) and the clipped sum is one product with scaled rows.
 */
import { GraphError } from '../errors.ts';
import { describeNode, floatOf, int, intOf } from './graph/attributes.ts';
import type { GraphBuilder } from './graph/builder.ts';
import { gradientsOf, type GradientRule } from './differentiate.ts';
import { reshape } from './ops/rules.ts';

export interface ClipRequest {
  readonly root: string;
  /** Gradient of each example's own, unweighted loss with respect to `root` [N, K]. */
  readonly rootGradient: string;
  readonly parameters: readonly string[];
  readonly clipL2Norm: number;
  /** [N] */
  readonly sampleWeights: string;
}

export interface ClippedGradients {
  readonly gradients: ReadonlyMap<string, string>;
  /** L2 norm of each example's gradient before clipping [N]. */
  readonly norms: string;
}

/**
 * One parameter's part of the gradient: its squared norm an example [n, 1], and the weighted sum once the factors are known,
 * as a row [1, n] and a column [n, 1].
 */
interface Part {
  readonly parameter: string;
  /** Examples that it covers: all, or those of a micro-batch. */
  readonly count: number;
  readonly squaredNorm: string;
  readonly sum: (row: string, column: string) => string;
}

/** Keeps a division by the norm of a zero gradient finite; far below any norm that clipping would touch. */
const SMALLEST_NORM = 1e-12;

function squaredRows(build: GraphBuilder, value: string): string {
  return build.own('ExampleSquaredNorm', [value])[0] ?? '';
}

/** A gradient that was computed for every example: [N, …dims]. */
function explicitPart(build: GraphBuilder, parameter: string, gradient: string): Part {
  return {
    parameter,
    count: build.typeOf(gradient).dims[0] ?? 0,
    squaredNorm: build.own('ExampleSquaredNorm', [gradient])[0] ?? '',
    sum: (row) => build.own('ExampleSum', [row, gradient])[0] ?? '',
  };
}

/** Weight and bias of a dense layer: ‖x dᵀ‖² = ‖x‖²·‖d‖². */
function denseParts(build: GraphBuilder, rule: Parameters<GradientRule>[0], wanted: Set<string>): Part[] {
  const { node, outputGradient: dy } = rule;
  if (
    intOf(node, 'transA', 0) !== 0 ||
    floatOf(node, 'alpha', 1) !== 1 ||
    floatOf(node, 'beta', 1) !== 1 ||
    wanted.has(node.inputs[0] ?? '')
  ) {
    throw new GraphError(`Per-example clipping does not support ${describeNode(node)} in this form.`);
  }
  const [x, w] = [rule.input(0), rule.input(1)];
  const bias = node.inputs[2] ?? '';
  const squaredOutput = squaredRows(build, dy);
  const transB = intOf(node, 'transB', 0);
  const count = build.typeOf(dy).dims[0] ?? 0;
  const parts: Part[] = [];
  if (wanted.has(w)) {
    parts.push({
      parameter: w,
      count,
      squaredNorm: build.op('Mul', [squaredRows(build, x), squaredOutput]),
      sum: (_, column) => {
        const scaled = build.op('Mul', [dy, column]);
        return build.op('Gemm', transB ? [scaled, x] : [x, scaled], { transA: int(1) });
      },
    });
  }
  if (wanted.has(bias)) {
    const { dims } = build.typeOf(bias);
    parts.push({
      parameter: bias,
      count,
      squaredNorm: squaredOutput,
      sum: (row) => reshape(build, build.op('Gemm', [row, dy]), dims),
    });
  }
  return parts;
}

export function clippedGradients(build: GraphBuilder, request: ClipRequest): ClippedGradients {
  const wanted = new Set(request.parameters);
  const parts = new Map<string, Part[]>();
  const collect = (part: Part): void => {
    // Gradients are derived from the last node to the first: the last micro-batch comes first.
    parts.set(part.parameter, [part, ...(parts.get(part.parameter) ?? [])]);
  };
  const rule: GradientRule = (context, operator) => {
    const { node } = context;
    const direct = node.inputs.some((name) => wanted.has(name));
    if (!direct) {
      if (operator.gradient === undefined) throw new GraphError(`${describeNode(node)} has no gradient.`);
      return operator.gradient(context);
    }
    if (node.op === 'Gemm') {
      for (const part of denseParts(build, context, wanted)) collect(part);
      const onlyInput = { ...context, needs: (index: number) => index === 0 && context.needs(0) };
      return operator.gradient?.(onlyInput) ?? [];
    }
    if (operator.exampleGradient === undefined) {
      throw new GraphError(`Per-example clipping does not support parameters in ${describeNode(node)}.`);
    }
    return operator.exampleGradient(context).map((gradient, index) => {
      const name = node.inputs[index] ?? '';
      if (gradient === undefined || !wanted.has(name)) return gradient;
      collect(explicitPart(build, name, gradient));
      return undefined;
    });
  };
  gradientsOf(build, new Map([[request.root, request.rootGradient]]), request.parameters, rule);
  const whole = [...parts.values()].map((list) => joinMicroBatches(build, list, request));
  return combine(build, request, whole);
}

/** The parts of a parameter's micro-batches as one part of the whole batch. */
function joinMicroBatches(build: GraphBuilder, parts: readonly Part[], request: ClipRequest): Part {
  const [first, ...rest] = parts;
  const batchSize = build.typeOf(request.rootGradient).dims[0] ?? 0;
  if (first?.count === batchSize && rest.length === 0) return first;
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  if (first === undefined || count !== batchSize) {
    throw new GraphError(
      `Per-example clipping does not support parameter "${first?.parameter ?? ''}", which two nodes use.`,
    );
  }
  const norms = parts.map((part) => part.squaredNorm);
  const cut = (value: string, axis: number, start: number, size: number): string =>
    build.op('Slice', [value, build.ints([start]), build.ints([start + size]), build.ints([axis])]);
  return {
    parameter: first.parameter,
    count,
    squaredNorm: build.op('Concat', norms, { axis: int(0) }),
    sum: (row, column) => {
      let start = 0;
      const sums = parts.map((part) => {
        const own = part.sum(cut(row, 1, start, part.count), cut(column, 0, start, part.count));
        start += part.count;
        return own;
      });
      return sums.reduce((total, sum) => build.op('Add', [total, sum]));
    },
  };
}

function combine(build: GraphBuilder, request: ClipRequest, parts: readonly Part[]): ClippedGradients {
  const [first, ...rest] = parts;
  if (first === undefined) throw new GraphError('Per-example clipping needs a trainable parameter.');
  const total = rest.reduce((sum, part) => build.op('Add', [sum, part.squaredNorm]), first.squaredNorm);
  const norms = build.op('Sqrt', [total]);
  const count = build.typeOf(norms).dims[0] ?? 0;
  const weights = reshape(build, request.sampleWeights, [count, 1]);
  const floor = build.op('Max', [norms, build.scalar(SMALLEST_NORM)]);
  const ratio = build.op('Div', [build.scalar(request.clipL2Norm), floor]);
  const column = build.op('Mul', [build.op('Min', [ratio, build.scalar(1)]), weights]);
  const row = reshape(build, column, [1, count]);
  const gradients = new Map(parts.map((part) => [part.parameter, part.sum(row, column)]));
  return { gradients, norms: reshape(build, norms, [count]) };
}
