/**
 * Turns an update rule into a WebAssembly loop over [weights | gradients | moments…] in one memory, four values at a
 * time. Where WebAssembly or its vector instructions are absent there is no kernel, and the reference does the work.
 */
import type { UpdateRule, ValueSpan, Variable } from './update-rule.ts';
import {
  assembleModule,
  get,
  load,
  loopOverPointer,
  set,
  splat,
  store,
  type Code,
} from './wasm-assembler.ts';

/** The part of the JavaScript API that is used here; the language's own library has no types for it. */
interface WebAssemblyApi {
  readonly Memory: new (descriptor: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
}
declare const WebAssembly: WebAssemblyApi | undefined;

const FLOAT_BYTES = 4;
/** Floats in a v128. */
export const LANES = 4;
const VECTOR_BYTES = LANES * FLOAT_BYTES;
/** WebAssembly Core Specification 2.0, §4.2.8. */
const PAGE_BYTES = 65_536;
/** 32-bit addresses. */
const MAXIMUM_PAGES = 65_536;

/** Byte offset of each vector in the memory. */
export interface MemoryLayout {
  readonly weights: number;
  readonly gradients: number;
  readonly moments: readonly number[];
  readonly totalBytes: number;
}

/** Vectors of `length` floats one after the other, each at a multiple of 16 bytes. */
export function memoryLayout(length: number, momentCount: number): MemoryLayout {
  const stride = Math.ceil(length / LANES) * VECTOR_BYTES;
  return {
    weights: 0,
    gradients: stride,
    moments: Array.from({ length: momentCount }, (_, i) => (2 + i) * stride),
    totalBytes: (2 + momentCount) * stride,
  };
}

export interface SimdKernel {
  /** The memory's bytes, zero at first. */
  readonly buffer: ArrayBuffer;
  /** One step on a span whose length is a positive multiple of 4; coefficients in the rule's order. */
  run(span: ValueSpan, coefficients: readonly number[]): void;
}

/** The kernel's code: parameters are the span in bytes and the coefficients. */
export function assembleKernel(rule: UpdateRule, layout: MemoryLayout): Uint8Array<ArrayBuffer> {
  const pointer = 0;
  const end = 1;
  const firstCoefficient = 2;
  const coefficientCount = rule.coefficientNames.length;
  let nextLocal = firstCoefficient + coefficientCount;
  const preparation: number[] = [];
  const coefficients: Record<string, Code> = {};
  rule.coefficientNames.forEach((name, index) => {
    const local = nextLocal++;
    preparation.push(...set(local, splat(get(firstCoefficient + index))));
    coefficients[name] = get(local);
  });

  const loads: number[] = [];
  const stores: number[] = [];
  const variable = (byteOffset: number, stored: boolean): Variable => {
    const local = nextLocal++;
    loads.push(...set(local, load(get(pointer), byteOffset)));
    if (stored) stores.push(...store(get(pointer), byteOffset, get(local)));
    return { get: get(local), set: (value) => set(local, value) };
  };
  const weight = variable(layout.weights, true);
  const gradient = variable(layout.gradients, false);
  const moments: Record<string, Variable> = {};
  rule.momentNames.forEach((name, index) => {
    moments[name] = variable(layout.moments[index] ?? 0, true);
  });
  const update = rule.simd({ weight, gradient, moments, coefficients });
  return assembleModule({
    parameters: ['i32', 'i32', ...rule.coefficientNames.map(() => 'f32' as const)],
    vectorLocals: nextLocal - firstCoefficient - coefficientCount,
    body: [...preparation, ...loopOverPointer(pointer, end, VECTOR_BYTES, [...loads, ...update, ...stores])],
  });
}

/** The kernel with its memory, or undefined where this machine cannot run it or the vectors exceed 4 GiB. */
export function createSimdKernel(rule: UpdateRule, layout: MemoryLayout): SimdKernel | undefined {
  if (typeof WebAssembly === 'undefined') return undefined;
  const pages = Math.max(1, Math.ceil(layout.totalBytes / PAGE_BYTES));
  const code = assembleKernel(rule, layout);
  if (pages > MAXIMUM_PAGES || !WebAssembly.validate(code)) return undefined;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } });
  const run: unknown = exports['run'];
  if (typeof run !== 'function') return undefined;
  return {
    buffer: memory.buffer,
    run(span, coefficients) {
      Reflect.apply(run, undefined, [span.start * FLOAT_BYTES, span.end * FLOAT_BYTES, ...coefficients]);
    },
  };
}
