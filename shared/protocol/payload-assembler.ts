/**
 * Puts a payload together from its chunks. The length is known before the first byte and is all that is ever
 * allocated. What comes out is a claim: digest and signature are checked by who receives the whole message.
 */

/** Why a piece of a payload is not taken. The assembler is as it was before. */
export type ChunkRefusal =
  /** It begins behind the first missing byte. */
  | 'wrong-offset'
  /** It begins in what is there already and ends behind it. */
  | 'overlap'
  /** It ends behind the announced length. */
  | 'too-many-bytes'
  | 'empty-chunk';

export type ChunkResult =
  /** All of it may have been there already. */
  | { readonly status: 'accepted' | 'duplicate' }
  | { readonly status: 'refused'; readonly reason: ChunkRefusal };

export class PayloadAssembler {
  readonly totalBytes: number;
  readonly #bytes: Uint8Array;
  #nextOffset = 0;

  /** @param totalBytes as the plan fixes it, above 0 */
  constructor(totalBytes: number) {
    this.totalBytes = totalBytes;
    this.#bytes = new Uint8Array(totalBytes);
  }

  /** The first missing byte: where the sender goes on. */
  get nextOffset(): number {
    return this.#nextOffset;
  }

  add(offset: number, chunk: Uint8Array): ChunkResult {
    const end = offset + chunk.byteLength;
    if (chunk.byteLength === 0) return { status: 'refused', reason: 'empty-chunk' };
    if (end > this.totalBytes) return { status: 'refused', reason: 'too-many-bytes' };
    if (end <= this.#nextOffset) return { status: 'duplicate' };
    if (offset > this.#nextOffset) return { status: 'refused', reason: 'wrong-offset' };
    if (offset < this.#nextOffset) return { status: 'refused', reason: 'overlap' };
    this.#bytes.set(chunk, offset);
    this.#nextOffset = end;
    return { status: 'accepted' };
  }

  /** The payload once its last byte is there; undefined before. Not a copy. */
  complete(): Uint8Array | undefined {
    return this.#nextOffset === this.totalBytes ? this.#bytes : undefined;
  }
}
