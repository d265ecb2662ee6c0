/**
 * Fields of protocol buffer messages (protobuf.dev/programming-guides/encoding) over the reader of protobufjs: every
 * length is checked against the bytes that are there before its value is touched.
 */
import type protobuf from 'protobufjs/minimal.js';
import { GraphError } from '../../errors.ts';
import type { Budget } from './onnx-limits.ts';

/** Wire types. */
const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

/** One field while its message is read: its number, and accessors that consume its value. */
export interface Field {
  readonly number: number;
  /** @throws GraphError when the integer cannot be held exactly. */
  int(): number;
  float(): number;
  text(): string;
  bytes(): Uint8Array;
  /** Appends one number or a packed list of them. `take` is told how many may come before they are read. */
  ints(into: number[], take: (count: number) => void): void;
  /** As `ints`; an integer that cannot be held exactly becomes the nearest that can: exporters write 2^63 − 1 for "to the end". */
  nearestInts(into: number[], take: (count: number) => void): void;
  floats(into: number[], take: (count: number) => void): void;
  doubles(into: number[], take: (count: number) => void): void;
  message<T>(read: (fields: Fields) => T): T;
}

/** Calls `visit` for every field of a message; a field that it does not consume (returns false) is skipped. */
export type Fields = (visit: (field: Field) => boolean) => void;

class FieldReader implements Field {
  number = 0;
  private wireType = 0;
  private readonly reader: protobuf.Reader;
  private readonly budget: Budget;

  constructor(reader: protobuf.Reader, budget: Budget) {
    this.reader = reader;
    this.budget = budget;
  }

  /** The fields up to the byte `end`. */
  fieldsUntil(end: number): Fields {
    return (visit) => {
      while (this.reader.pos < end) {
        const tag = this.reader.uint32();
        this.number = tag >>> 3;
        this.wireType = tag & 7;
        if (this.number === 0) throw new GraphError('The file is damaged: a field has the number 0.');
        const { number, wireType } = this;
        if (!visit(this)) this.reader.skipType(wireType, 0, number);
      }
      if (this.reader.pos !== end)
        throw new GraphError('The file is damaged: a message runs past its own end.');
    };
  }

  int(): number {
    this.expect(VARINT);
    return this.safeInteger();
  }

  float(): number {
    this.expect(FIXED32);
    return this.reader.float();
  }

  text(): string {
    return Buffer.from(this.delimited(this.budget.limits.textBytes)).toString('utf8');
  }

  bytes(): Uint8Array {
    return this.delimited(this.budget.limits.fileBytes);
  }

  ints(into: number[], take: (count: number) => void): void {
    this.eachInteger(take, () => into.push(this.safeInteger()));
  }

  nearestInts(into: number[], take: (count: number) => void): void {
    const most = Number.MAX_SAFE_INTEGER;
    this.eachInteger(take, () => into.push(Math.min(most, Math.max(-most, this.integer()))));
  }

  floats(into: number[], take: (count: number) => void): void {
    if (this.wireType === FIXED32) {
      take(1);
      into.push(this.reader.float());
      return;
    }
    const end = this.end();
    take(Math.ceil((end - this.reader.pos) / 4));
    while (this.reader.pos < end) into.push(this.reader.float());
  }

  doubles(into: number[], take: (count: number) => void): void {
    if (this.wireType === FIXED64) {
      take(1);
      into.push(this.reader.double());
      return;
    }
    const end = this.end();
    take(Math.ceil((end - this.reader.pos) / 8));
    while (this.reader.pos < end) into.push(this.reader.double());
  }

  message<T>(read: (fields: Fields) => T): T {
    return read(this.fieldsUntil(this.end()));
  }

  /** Calls `read` at every integer of a single or packed field. */
  private eachInteger(take: (count: number) => void, read: () => void): void {
    if (this.wireType === VARINT) {
      take(1);
      read();
      return;
    }
    const end = this.end();
    while (this.reader.pos < end) {
      take(1);
      read();
    }
  }

  private integer(): number {
    // A Long becomes a number by way of its decimal text.
    const long: unknown = this.reader.int64();
    return Number(long);
  }

  private safeInteger(): number {
    const value = this.integer();
    if (!Number.isSafeInteger(value))
      throw new GraphError(`The file holds the integer ${String(value)}, which is outside ±(2^53 - 1).`);
    return value;
  }

  private delimited(maxBytes: number): Uint8Array {
    const end = this.end();
    const { pos } = this.reader;
    if (end - pos > maxBytes)
      throw new GraphError(
        `The file holds a text of ${String(end - pos)} bytes; ${String(maxBytes)} are allowed.`,
      );
    this.reader.pos = end;
    return this.reader.buf.subarray(pos, end);
  }

  /** Consumes a length prefix; the byte after the value. */
  private end(): number {
    this.expect(DELIMITED);
    const length = this.reader.uint32();
    const end = this.reader.pos + length;
    if (end > this.reader.len) throw new GraphError('The file is truncated: a value runs past the end.');
    return end;
  }

  private expect(wireType: number): void {
    if (this.wireType !== wireType)
      throw new GraphError(`The file is damaged: field ${String(this.number)} has an unexpected encoding.`);
  }
}

/** The fields of the message that `reader` holds from its position to its end. */
export const fieldsOf = (reader: protobuf.Reader, budget: Budget): Fields =>
  new FieldReader(reader, budget).fieldsUntil(reader.len);
