/**
 * Scalars in the format that TensorBoard reads: Event messages (tensorflow/core/util/event.proto and
 * framework/summary.proto) in TFRecord framing (tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details").
 */
import protobuf from 'protobufjs/minimal.js';
import { maskedCrc32c } from './crc32c.ts';

/** A value of one curve. */
export interface Scalar {
  /** Curves are grouped by what stands before the slash: "validation/auc". */
  readonly tag: string;
  /** float32 in the file; NaN and infinities are kept, so that a diverged training shows. */
  readonly value: number;
}

/** Wire types of the protocol buffer encoding (protobuf.dev/programming-guides/encoding). */
const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

const EVENT_FIELD = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const;
const SUMMARY_FIELD = { value: 1 } as const;
const VALUE_FIELD = { tag: 1, simpleValue: 2 } as const;

/** What the first event of every file says. */
export const FILE_VERSION = 'brain.Event:2';

const MS_PER_SECOND = 1000;

const key = (field: number, wireType: number): number => (field << 3) | wireType;

function startEvent(timeMs: number): protobuf.Writer {
  return protobuf.Writer.create()
    .uint32(key(EVENT_FIELD.wallTime, FIXED64))
    .double(timeMs / MS_PER_SECOND);
}

/** @param timeMs since the Unix epoch */
export function versionEvent(timeMs: number): Uint8Array {
  return startEvent(timeMs).uint32(key(EVENT_FIELD.fileVersion, DELIMITED)).string(FILE_VERSION).finish();
}

export interface ScalarEvent {
  /** Since the Unix epoch. */
  readonly timeMs: number;
  /** A round or an epoch; a safe integer. */
  readonly step: number;
  readonly scalars: readonly Scalar[];
}

export function scalarEvent({ timeMs, step, scalars }: ScalarEvent): Uint8Array {
  const writer = startEvent(timeMs).uint32(key(EVENT_FIELD.step, VARINT)).int64(step);
  writer.uint32(key(EVENT_FIELD.summary, DELIMITED)).fork();
  for (const { tag, value } of scalars) {
    writer.uint32(key(SUMMARY_FIELD.value, DELIMITED)).fork();
    writer.uint32(key(VALUE_FIELD.tag, DELIMITED)).string(tag);
    writer.uint32(key(VALUE_FIELD.simpleValue, FIXED32)).float(value);
    writer.ldelim();
  }
  return writer.ldelim().finish();
}

const LENGTH_BYTES = 8;
const CHECKSUM_BYTES = 4;

/** length (uint64), its masked checksum, the data, their masked checksum; all little-endian. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = Buffer.alloc(LENGTH_BYTES + CHECKSUM_BYTES + data.length + CHECKSUM_BYTES);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, LENGTH_BYTES)), LENGTH_BYTES);
  record.set(data, LENGTH_BYTES + CHECKSUM_BYTES);
  record.writeUInt32LE(maskedCrc32c(data), record.length - CHECKSUM_BYTES);
  return record;
}
