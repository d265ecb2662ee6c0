/** What a mask thread runs: the sum of many masks over one range of the vector. */
import { MASK_SEED_BYTES } from '../crypto/mask-stream.ts';
import { wipe } from '../crypto/bytes.ts';
import { addMasks, type SignedSeed } from './masks.ts';
import { ringView, type RingBits } from './ring.ts';

export interface MaskRange {
  /** 32 bytes a mask, one after the other. */
  readonly seeds: Uint8Array;
  readonly signs: Int8Array;
  readonly bits: RingBits;
  /** The whole vector; the thread adds to the range alone. */
  readonly sum: SharedArrayBuffer;
  /** First byte (a multiple of 16) and the one after the last. */
  readonly start: number;
  readonly end: number;
}

export default function sumRange({ seeds, signs, bits, sum, start, end }: MaskRange): void {
  const masks = Array.from(signs, (sign, i): SignedSeed => ({
    seed: seeds.subarray(i * MASK_SEED_BYTES, (i + 1) * MASK_SEED_BYTES),
    sign: sign === 1 ? 1 : -1,
  }));
  addMasks(ringView(bits, sum, start, (end - start) / (bits / 8)), masks, start);
  // The thread's own copy.
  wipe(seeds);
}
