/**
 * A second reader of event files, from the published formats alone: nothing of the writer is used. Checksums are computed
 * bit by bit, fields are taken apart by hand.
 */

/** CRC-32C by long division, one bit at a time. */
export function slowCrc32c(bytes: Uint8Array): number {
  let register = 0xffff_ffff;
  for (const byte of bytes)
    for (let bit = 0; bit < 8; bit++) {
      const feedback = ((register ^ (byte >>> bit)) & 1) === 1;
      register = (register >>> 1) ^ (feedback ? 0x82f6_3b78 : 0);
    }
  return (register ^ 0xffff_ffff) >>> 0;
}

function masked(bytes: Uint8Array): number {
  const crc = BigInt(slowCrc32c(bytes));
  const rotated = ((crc >> 15n) | (crc << 17n)) & 0xffff_ffffn;
  return Number((rotated + 0xa282_ead8n) & 0xffff_ffffn);
}

/** The data of every record. @throws Error where a length, a checksum or the end is wrong */
export function readRecords(file: Buffer): Buffer[] {
  const records: Buffer[] = [];
  let at = 0;
  while (at < file.length) {
    const length = Number(file.readBigUInt64LE(at));
    if (file.readUInt32LE(at + 8) !== masked(file.subarray(at, at + 8)))
      throw new Error(`the checksum of the length at byte ${String(at)} is wrong`);
    const data = file.subarray(at + 12, at + 12 + length);
    if (data.length !== length) throw new Error(`the record at byte ${String(at)} is cut off`);
    if (file.readUInt32LE(at + 12 + length) !== masked(data))
      throw new Error(`the checksum of the data at byte ${String(at)} is wrong`);
    records.push(data);
    at += 16 + length;
  }
  return records;
}

interface RawField {
  readonly number: number;
  readonly varint?: number;
  readonly bytes?: Buffer;
}

function fieldsOf(message: Buffer): RawField[] {
  const fields: RawField[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message.readUInt8(at++);
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = varint();
    const number = tag >>> 3;
    const wireType = tag & 7;
    if (wireType === 0) fields.push({ number, varint: varint() });
    else if (wireType === 1) fields.push({ number, bytes: take(8) });
    else if (wireType === 2) fields.push({ number, bytes: take(varint()) });
    else if (wireType === 5) fields.push({ number, bytes: take(4) });
    else throw new Error(`wire type ${String(wireType)}`);
  }
  return fields;
}

export interface ReadEvent {
  readonly wallTimeS: number | undefined;
  readonly step: number | undefined;
  readonly fileVersion: string | undefined;
  readonly scalars: readonly (readonly [tag: string, value: number])[];
}

export function readEvent(message: Buffer): ReadEvent {
  const fields = fieldsOf(message);
  const bytesOf = (number: number): Buffer | undefined => fields.find((f) => f.number === number)?.bytes;
  const values = fieldsOf(bytesOf(5) ?? Buffer.alloc(0)).map(({ bytes }): readonly [string, number] => {
    const value = fieldsOf(bytes ?? Buffer.alloc(0));
    const tag = value.find((f) => f.number === 1)?.bytes?.toString('utf8') ?? '';
    return [tag, value.find((f) => f.number === 2)?.bytes?.readFloatLE(0) ?? NaN];
  });
  return {
    wallTimeS: bytesOf(1)?.readDoubleLE(0),
    step: fields.find((f) => f.number === 2)?.varint,
    fileVersion: bytesOf(3)?.toString('utf8'),
    scalars: values,
  };
}

export const readEvents = (file: Buffer): ReadEvent[] => readRecords(file).map(readEvent);
