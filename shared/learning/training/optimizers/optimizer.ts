/**
 * An optimiser owns the working vectors of a training: weights, gradients and moments in one piece of memory, so that
 * an engine reads and writes them in place and the step runs over them with vector instructions.
 */
import { InvariantError } from '../../../errors.ts';
import type { Manifest, ManifestEntry } from '../../weights.ts';
import type { OptimizerSettings } from '../recipe.ts';
import { decaysByDefault, trainableRanges, type TrainableRange } from '../trainable-ranges.ts';
import { adamRule } from './adam.ts';
import { sgdRule } from './sgd.ts';
import { LANES, createSimdKernel, memoryLayout, type SimdKernel } from './simd-kernel.ts';
import type { UpdateRule, WorkingVectors } from './update-rule.ts';

export interface OptimizerState {
  readonly stepCount: number;
  /** Copies of the moments by name, each as long as the weights. */
  readonly moments: Readonly<Record<string, Float32Array>>;
}

export interface Optimizer {
  /** 'simd': the WebAssembly kernel; 'reference': plain JavaScript with the same results. */
  readonly backend: 'simd' | 'reference';
  /** Working vectors of `manifest.length` values; the same objects for the optimiser's whole life. */
  readonly weights: Float32Array;
  readonly gradients: Float32Array;
  /** Moves the trainable weights by one step along `gradients`. */
  step(learningRate: number): void;
  /** As new: no steps, moments zero. Weights and gradients stay. */
  reset(): void;
  exportState(): OptimizerState;
  /** @throws InvariantError when the state belongs to another optimiser or manifest. */
  importState(state: OptimizerState): void;
}

export interface OptimizerOptions {
  readonly settings: OptimizerSettings;
  readonly weightDecay: number;
  /** Which entries decay; default: kernels. */
  readonly decays?: (entry: ManifestEntry) => boolean;
  /** Default: 'simd' where it is available. */
  readonly backend?: 'simd' | 'reference';
}

function ruleOf(settings: OptimizerSettings, weightDecay: number): UpdateRule {
  switch (settings.kind) {
    case 'adam':
    case 'adamw':
      return adamRule(settings, weightDecay);
    case 'sgd':
      return sgdRule(settings, weightDecay);
  }
}

export function createOptimizer(options: OptimizerOptions, manifest: Manifest): Optimizer {
  const rule = ruleOf(options.settings, options.weightDecay);
  const layout = memoryLayout(manifest.length, rule.momentNames.length);
  const kernel = options.backend === 'reference' ? undefined : createSimdKernel(rule, layout);
  const buffer = kernel?.buffer ?? new ArrayBuffer(layout.totalBytes);
  const view = (byteOffset: number) => new Float32Array(buffer, byteOffset, manifest.length);
  const vectors: WorkingVectors = {
    weights: view(layout.weights),
    gradients: view(layout.gradients),
    moments: Object.fromEntries(rule.momentNames.map((name, i) => [name, view(layout.moments[i] ?? 0)])),
  };
  const ranges = trainableRanges(manifest, options.decays ?? decaysByDefault);
  let stepCount = 0;
  return {
    backend: kernel ? 'simd' : 'reference',
    weights: vectors.weights,
    gradients: vectors.gradients,
    step(learningRate) {
      stepCount++;
      for (const range of ranges)
        stepRange(rule, kernel, vectors, range, stepCount, learningRate * range.rateFactor);
    },
    reset() {
      stepCount = 0;
      for (const moment of Object.values(vectors.moments)) moment.fill(0);
    },
    exportState: () => ({
      stepCount,
      moments: Object.fromEntries(Object.entries(vectors.moments).map(([name, m]) => [name, m.slice()])),
    }),
    importState(state) {
      stepCount = state.stepCount;
      for (const [name, moment] of Object.entries(vectors.moments)) {
        const given = state.moments[name];
        if (given?.length !== moment.length)
          throw new InvariantError(`optimizer state: moment '${name}' does not fit the model`);
        moment.set(given);
      }
    },
  };
}

/** Whole groups of four by the kernel, what is left by the reference: it gives the same bits. */
function stepRange(
  rule: UpdateRule,
  kernel: SimdKernel | undefined,
  vectors: WorkingVectors,
  range: TrainableRange,
  stepCount: number,
  learningRate: number,
): void {
  const coefficients = rule.coefficients(stepCount, learningRate, range.decayed);
  const whole = kernel ? range.start + Math.floor((range.end - range.start) / LANES) * LANES : range.start;
  if (kernel && whole > range.start) {
    const values = rule.coefficientNames.map((name) => coefficients[name] ?? 0);
    kernel.run({ start: range.start, end: whole }, values);
  }
  if (whole < range.end) rule.reference(vectors, { start: whole, end: range.end }, coefficients);
}
