/**
 * CRC-32C (Castagnoli): RFC 3720 (iSCSI), §12.1, with the test vectors of its appendix B.4. Node's zlib has only the CRC-32 of
 * gzip, which is another polynomial.
 */

/** 0x1EDC6F41, bits reversed. */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++)
    remainder = (remainder & 1) === 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
  return remainder;
});

/** An unsigned 32-bit integer. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = (TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * As TFRecord files hold it: rotated right by 15 bits and shifted by a constant, so that a checksum of data that hold
 * checksums does not degenerate (tensorflow/tsl/lib/hash/crc32c.h, "masked").
 */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0;
}
