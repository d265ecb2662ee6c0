/**
 * A very small assembler for WebAssembly: enough to write one loop of f32x4 arithmetic over an imported memory.
 *
 * WebAssembly Core Specification 2.0, chapter 5 (binary format); the section of each constant is given beside it.
 * Instructions are lists of bytes; an expression is its operands' bytes followed by its own opcode.
 */

export type Code = readonly number[];

/** §5.2.2, unsigned LEB128. */
export function unsignedLeb128(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return bytes;
}

/** §5.3.1 number types, §5.3.2 vector types, §5.3.6 function types. */
export const VALUE_TYPE = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;
export type ValueType = keyof typeof VALUE_TYPE;
const FUNCTION_TYPE = 0x60;

/** §5.4.1 control, §5.4.4 variable and §5.4.7 numeric instructions. */
const OPCODE = {
  loop: 0x03,
  end: 0x0b,
  branchIf: 0x0d,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Const: 0x41,
  i32LessUnsigned: 0x49,
  i32Add: 0x6a,
  /** §5.4.8: every vector instruction begins with it. */
  vectorPrefix: 0xfd,
} as const;
const EMPTY_BLOCK = 0x40;

/** §5.4.8 vector instructions, after the prefix. */
const VECTOR_OPCODE = {
  load: 0x00,
  store: 0x0b,
  f32x4Splat: 0x13,
  f32x4Sqrt: 0xe3,
  f32x4Add: 0xe4,
  f32x4Sub: 0xe5,
  f32x4Mul: 0xe6,
  f32x4Div: 0xe7,
} as const;

/** §5.4.6: alignment is a hint, as a power of two; values of one float are only sure to be 4-byte aligned. */
const ALIGNMENT_HINT_LOG2 = 2;

const vector = (opcode: number): number[] => [OPCODE.vectorPrefix, ...unsignedLeb128(opcode)];
const binary =
  (opcode: number) =>
  (left: Code, right: Code): Code => [...left, ...right, ...vector(opcode)];

export const add = binary(VECTOR_OPCODE.f32x4Add);
export const sub = binary(VECTOR_OPCODE.f32x4Sub);
export const mul = binary(VECTOR_OPCODE.f32x4Mul);
export const div = binary(VECTOR_OPCODE.f32x4Div);
export const sqrt = (value: Code): Code => [...value, ...vector(VECTOR_OPCODE.f32x4Sqrt)];
export const splat = (value: Code): Code => [...value, ...vector(VECTOR_OPCODE.f32x4Splat)];

export const get = (local: number): Code => [OPCODE.localGet, ...unsignedLeb128(local)];
export const set = (local: number, value: Code): Code => [
  ...value,
  OPCODE.localSet,
  ...unsignedLeb128(local),
];

/** Four floats at `pointer` + `byteOffset`. */
export const load = (pointer: Code, byteOffset: number): Code => [
  ...pointer,
  ...vector(VECTOR_OPCODE.load),
  ALIGNMENT_HINT_LOG2,
  ...unsignedLeb128(byteOffset),
];

export const store = (pointer: Code, byteOffset: number, value: Code): Code => [
  ...pointer,
  ...value,
  ...vector(VECTOR_OPCODE.store),
  ALIGNMENT_HINT_LOG2,
  ...unsignedLeb128(byteOffset),
];

/** Runs `body`, adds `strideBytes` (below 64) to the local `pointer`, and repeats while that is below the local `end`. */
export function loopOverPointer(pointer: number, end: number, strideBytes: number, body: Code): Code {
  return [
    OPCODE.loop,
    EMPTY_BLOCK,
    ...body,
    ...get(pointer),
    OPCODE.i32Const,
    strideBytes,
    OPCODE.i32Add,
    OPCODE.localTee,
    ...unsignedLeb128(pointer),
    ...get(end),
    OPCODE.i32LessUnsigned,
    OPCODE.branchIf,
    0,
    OPCODE.end,
  ];
}

/** §5.5.2 section ids. */
const SECTION = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const;
/** §5.5.5 and §5.5.10: kinds of imports and exports. */
const KIND = { function: 0x00, memory: 0x02 } as const;
/** §5.5.16: "\0asm", version 1. */
const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

const list = (items: readonly Code[]): number[] => [...unsignedLeb128(items.length), ...items.flat()];
const sized = (bytes: Code): number[] => [...unsignedLeb128(bytes.length), ...bytes];
const name = (text: string): number[] => sized([...new TextEncoder().encode(text)]);
const section = (id: number, content: Code): number[] => [id, ...sized(content)];

export interface KernelFunction {
  readonly parameters: readonly ValueType[];
  /** Locals of type v128, numbered after the parameters. */
  readonly vectorLocals: number;
  readonly body: Code;
}

/** A module that imports `env.memory` and exports one function `run` without result. */
export function assembleModule(kernel: KernelFunction): Uint8Array<ArrayBuffer> {
  const type = [FUNCTION_TYPE, ...list(kernel.parameters.map((p) => [VALUE_TYPE[p]])), ...list([])];
  const noMaximum = 0x00;
  const memory = [...name('env'), ...name('memory'), KIND.memory, noMaximum, ...unsignedLeb128(1)];
  const locals = list([[...unsignedLeb128(kernel.vectorLocals), VALUE_TYPE.v128]]);
  return Uint8Array.from([
    ...PREAMBLE,
    ...section(SECTION.type, list([type])),
    ...section(SECTION.import, list([memory])),
    ...section(SECTION.function, list([[0]])),
    ...section(SECTION.export, list([[...name('run'), KIND.function, 0]])),
    ...section(SECTION.code, list([sized([...locals, ...kernel.body, OPCODE.end])])),
  ]);
}
