/**
 * One end of a connection over which large payloads go in chunks: a sender with a window and a receiver with one
 * assembler. Both ends of the federation use it on top of their transport. After a lost connection the sender offers
 * the same transfer again and goes on where the receiver says; a newer message takes the place of an unfinished one.
 */
import type { Frame } from './codec.ts';
import { PayloadAssembler } from './payload-assembler.ts';
import {
  decodeTransfer,
  encodeTransfer,
  isTransferFrame,
  MAX_CHUNK_BYTES,
  transferIdOf,
  type TransferMessage,
  type TransferRefusal,
} from './transfer-messages.ts';

/** Chunks under way at once: one on the wire, one at the receiver and some for a slow answer. */
const WINDOW_CHUNKS = 4;

export interface ChannelOptions {
  /** Larger payloads are cut into chunks of this length, 1…MAX_CHUNK_BYTES. */
  readonly chunkBytes: number;
  /** Exactly so many bytes has the next large payload that can come; 0 when none can. */
  expectedBytes(): number;
  /** To the other end. */
  transmit(frame: Frame): void;
  /** A whole frame from the other end. */
  deliver(frame: Frame): void;
  /** What the other end sent breaks the rules; nothing of it is kept. */
  refused(reason: TransferRefusal): void;
  /** Bytes that were not there before have arrived here, or are confirmed there. */
  advanced(): void;
  /** Calls `start`, now or when memory for another payload is free; what is returned gives it back, or the place in the queue. */
  claim(start: () => void): () => void;
  /** Resolves once what was delivered needs no memory any more. Absent: at once. */
  handled?(): Promise<void>;
}

type TransferOf<T extends TransferMessage['type']> = Extract<TransferMessage, { type: T }>;

interface Outgoing {
  readonly transfer: string;
  readonly header: string;
  readonly payload: Uint8Array;
  /** Undefined until the receiver has answered the offer. */
  sent: number | undefined;
  confirmed: number;
}

interface Incoming {
  readonly offer: TransferOf<'transfer-offer'>;
  /** Undefined until there is memory for it. */
  assembler: PayloadAssembler | undefined;
  free: () => void;
}

export class ChunkedChannel {
  readonly #options: ChannelOptions;
  #outgoing: Outgoing | undefined;
  #incoming: Incoming | undefined;
  /** The last transfer that became a message: its repetitions are confirmed and come to nothing. */
  #delivered: { readonly transfer: string; readonly totalBytes: number } | undefined;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  send(frame: Frame): void {
    const { header, payload } = frame;
    if (!payload || payload.byteLength <= this.#options.chunkBytes) {
      this.#options.transmit(frame);
      return;
    }
    const transfer = transferIdOf(frame);
    if (this.#outgoing?.transfer === transfer) return;
    this.#outgoing = { transfer, header, payload, sent: undefined, confirmed: 0 };
    this.#offer(this.#outgoing);
  }

  /** A frame of the other end. */
  receive(frame: Frame): void {
    if (!isTransferFrame(frame)) {
      if (frame.payload && frame.payload.byteLength > MAX_CHUNK_BYTES)
        this.#options.refused('chunk-too-large');
      else this.#options.deliver(frame);
      return;
    }
    const message = decodeTransfer(frame);
    switch (message?.type) {
      case undefined:
        this.#options.refused('malformed');
        return;
      case 'transfer-offer':
        this.#offered(message);
        return;
      case 'transfer-chunk':
        this.#chunk(message);
        return;
      case 'transfer-progress':
        this.#progress(message);
        return;
      case 'transfer-refused':
        if (this.#outgoing?.transfer === message.transfer) this.#outgoing = undefined;
        return;
    }
  }

  /** The connection is there again: what was under way is lost, what has arrived is not. */
  reconnected(): void {
    if (!this.#outgoing) return;
    this.#outgoing.sent = undefined;
    this.#offer(this.#outgoing);
  }

  /** What the other end has begun to send is not wanted any more. */
  abandonIncoming(): void {
    this.#dropIncoming();
  }

  /** The other end is given up. */
  close(): void {
    this.#outgoing = undefined;
    this.#dropIncoming();
  }

  // Sending

  #offer({ transfer, header, payload }: Outgoing): void {
    const totalBytes = payload.byteLength;
    this.#transmit({ type: 'transfer-offer', transfer, totalBytes, header });
  }

  #progress({ transfer, nextOffset }: TransferOf<'transfer-progress'>): void {
    const outgoing = this.#outgoing;
    if (outgoing?.transfer !== transfer || nextOffset > (outgoing.sent ?? outgoing.payload.byteLength))
      return;
    outgoing.sent ??= nextOffset;
    if (nextOffset > outgoing.confirmed) {
      outgoing.confirmed = nextOffset;
      this.#options.advanced();
    }
    if (outgoing.confirmed === outgoing.payload.byteLength) this.#outgoing = undefined;
    else this.#pump(outgoing, outgoing.sent);
  }

  #pump(outgoing: Outgoing, from: number): void {
    const { transfer, payload, confirmed } = outgoing;
    const { chunkBytes } = this.#options;
    const limit = Math.min(confirmed + WINDOW_CHUNKS * chunkBytes, payload.byteLength);
    let offset = from;
    while (offset < limit) {
      const end = Math.min(offset + chunkBytes, payload.byteLength);
      // Told before it is sent: a transport may answer at once.
      outgoing.sent = end;
      this.#transmit({ type: 'transfer-chunk', transfer, offset, payload: payload.subarray(offset, end) });
      offset = end;
    }
  }

  // Receiving

  #offered(offer: TransferOf<'transfer-offer'>): void {
    const { transfer, totalBytes } = offer;
    if (this.#delivered?.transfer === transfer) {
      this.#confirm(transfer, this.#delivered.totalBytes);
      return;
    }
    const current = this.#incoming;
    if (current?.offer.header === offer.header && current.offer.totalBytes === totalBytes) {
      if (current.assembler) this.#confirm(transfer, current.assembler.nextOffset);
      return;
    }
    this.#dropIncoming();
    const expected = this.#options.expectedBytes();
    if (totalBytes !== expected) {
      this.#refuse(transfer, totalBytes > expected ? 'too-long' : 'too-short');
      return;
    }
    const incoming: Incoming = { offer, assembler: undefined, free: () => undefined };
    this.#incoming = incoming;
    incoming.free = this.#options.claim(() => {
      incoming.assembler = new PayloadAssembler(totalBytes);
      this.#confirm(transfer, 0);
    });
  }

  #chunk({ transfer, offset, payload }: TransferOf<'transfer-chunk'>): void {
    if (this.#delivered?.transfer === transfer) return;
    const incoming = this.#incoming;
    // Of a transfer that a newer one has taken the place of, or that was refused: still under way when that was said.
    if (incoming?.offer.transfer !== transfer || !incoming.assembler) return;
    const { assembler } = incoming;
    const result =
      payload.byteLength > MAX_CHUNK_BYTES
        ? ({ status: 'refused', reason: 'chunk-too-large' } as const)
        : assembler.add(offset, payload);
    if (result.status === 'refused') {
      this.#dropIncoming();
      this.#refuse(transfer, result.reason);
      return;
    }
    if (result.status === 'accepted') this.#options.advanced();
    this.#confirm(transfer, assembler.nextOffset);
    const whole = assembler.complete();
    if (!whole) return;
    this.#delivered = { transfer, totalBytes: assembler.totalBytes };
    const { header } = incoming.offer;
    this.#incoming = undefined;
    this.#options.deliver({ header, payload: whole });
    const { free } = incoming;
    const handled = this.#options.handled?.();
    if (handled) void handled.then(free, free);
    else free();
  }

  #dropIncoming(): void {
    const free = this.#incoming?.free;
    this.#incoming = undefined;
    free?.();
  }

  #confirm(transfer: string, nextOffset: number): void {
    this.#transmit({ type: 'transfer-progress', transfer, nextOffset });
  }

  #refuse(transfer: string, reason: TransferRefusal): void {
    this.#transmit({ type: 'transfer-refused', transfer, reason });
    this.#options.refused(reason);
  }

  #transmit(message: TransferMessage): void {
    this.#options.transmit(encodeTransfer(message));
  }
}
