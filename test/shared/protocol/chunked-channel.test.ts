/** Two channels and a wire between them that can be cut at any frame. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkedChannel, type ChannelOptions } from '../../../shared/protocol/chunked-channel.ts';
import type { Frame } from '../../../shared/protocol/codec.ts';
import {
  decodeTransfer,
  encodeTransfer,
  MAX_CHUNK_BYTES,
  transferIdOf,
  type TransferMessage,
} from '../../../shared/protocol/transfer-messages.ts';

const payloadOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 89 + 7) & 255);
const frame: Frame = { header: '{"type":"update"}', payload: payloadOf(100) };

interface Wire {
  readonly left: ChunkedChannel;
  readonly right: ChunkedChannel;
  readonly delivered: Frame[];
  readonly refused: string[];
  /** Chunks that were carried, by their offsets. */
  readonly offsets: number[];
  /** Carries frames until nothing is under way, or for so many. */
  carry(frames?: number): void;
  cut(): void;
}

function wireOf(chunkBytes: number, expected = 100, change: Partial<ChannelOptions> = {}): Wire {
  const delivered: Frame[] = [];
  const refused: string[] = [];
  const offsets: number[] = [];
  const queue: { to: 'left' | 'right'; frame: Frame }[] = [];
  const end = (to: 'left' | 'right'): ChunkedChannel =>
    new ChunkedChannel({
      chunkBytes,
      expectedBytes: () => expected,
      transmit: (sent) => queue.push({ to, frame: sent }),
      deliver: (whole) => delivered.push(whole),
      refused: (reason) => refused.push(reason),
      advanced: () => undefined,
      claim: (start) => {
        start();
        return () => undefined;
      },
      ...change,
    });
  const ends = { left: end('right'), right: end('left') };
  return {
    ...ends,
    delivered,
    refused,
    offsets,
    carry: (frames = Infinity) => {
      for (let i = 0; i < frames; i++) {
        const next = queue.shift();
        if (!next) return;
        const message = decodeTransfer(next.frame);
        if (message?.type === 'transfer-chunk') offsets.push(message.offset);
        ends[next.to].receive(next.frame);
      }
    },
    cut: () => {
      queue.length = 0;
      ends.left.reconnected();
      ends.right.reconnected();
    },
  };
}

const hostile = (wire: Wire, message: TransferMessage): void => {
  wire.right.receive(encodeTransfer(message));
};
const transfer = transferIdOf(frame);
const offer = (totalBytes = 100): TransferMessage => ({
  type: 'transfer-offer',
  transfer,
  totalBytes,
  header: frame.header,
});
const chunk = (offset: number, payload: Uint8Array): TransferMessage => ({
  type: 'transfer-chunk',
  transfer,
  offset,
  payload,
});

describe('a channel', () => {
  it('carries small frames as they are and large ones in chunks', () => {
    const wire = wireOf(30);
    wire.left.send({ header: '{"type":"refuse"}' });
    wire.left.send({ header: '{"type":"update"}', payload: payloadOf(30) });
    wire.carry();
    expect(wire.delivered.map(({ payload }) => payload?.length)).toEqual([undefined, 30]);
    expect(wire.offsets).toEqual([]);
    wire.left.send(frame);
    wire.carry();
    expect(wire.delivered[2]).toEqual(frame);
    expect(wire.offsets).toEqual([0, 30, 60, 90]);
  });

  it('gives the same bytes once for any chunk size, wherever the connection is cut, whatever is sent again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 120 }),
        fc.array(fc.record({ after: fc.nat(40), again: fc.boolean() }), { maxLength: 8 }),
        (chunkBytes, cuts) => {
          const wire = wireOf(chunkBytes);
          wire.left.send(frame);
          for (const { after, again } of cuts) {
            wire.carry(after);
            wire.cut();
            if (again) wire.left.send(frame);
          }
          wire.left.send(frame);
          wire.carry();
          expect(wire.refused).toEqual([]);
          expect(wire.delivered[0]).toEqual(frame);
          // A payload that fits in one frame needs no transfer, and is repeated as often as it is sent.
          if (chunkBytes < 100) expect(wire.delivered).toHaveLength(1);
        },
      ),
    );
  });

  it('goes on after a cut where the receiver stands', () => {
    const wire = wireOf(10);
    wire.left.send(frame);
    // Offer, its answer, and three of the four chunks that the window allows.
    wire.carry(5);
    wire.cut();
    wire.carry();
    expect(wire.offsets).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
    expect(wire.delivered).toEqual([frame]);
  });

  it('lets a newer message take the place of an unfinished one', () => {
    const wire = wireOf(10);
    const newer = { header: '{"type":"update","round":2}', payload: payloadOf(100).reverse() };
    wire.left.send(frame);
    wire.carry(4);
    wire.left.send(newer);
    wire.carry();
    expect(wire.delivered).toEqual([newer]);
    expect(wire.refused).toEqual([]);
  });

  it('waits with its first byte until there is memory', () => {
    const starts: (() => void)[] = [];
    const wire = wireOf(30, 100, {
      claim: (start) => {
        starts.push(start);
        return () => undefined;
      },
    });
    wire.left.send(frame);
    wire.carry();
    expect(wire.offsets).toEqual([]);
    starts[0]?.();
    wire.carry();
    expect(wire.delivered).toEqual([frame]);
  });

  it('keeps its place until what it has delivered is handled', async () => {
    let isFree = false;
    let handled: () => void = () => undefined;
    const wire = wireOf(30, 100, {
      claim: (start) => {
        start();
        return () => {
          isFree = true;
        };
      },
      handled: () =>
        new Promise((resolve) => {
          handled = resolve;
        }),
    });
    wire.left.send(frame);
    wire.carry();
    await Promise.resolve();
    expect([wire.delivered, isFree]).toEqual([[frame], false]);
    handled();
    await Promise.resolve();
    expect(isFree).toBe(true);
  });

  it.each<[string, TransferMessage[]]>([
    ['too-long', [offer(101)]],
    ['too-short', [offer(99)]],
    ['wrong-offset', [offer(), chunk(10, payloadOf(5))]],
    ['overlap', [offer(), chunk(0, payloadOf(10)), chunk(5, payloadOf(10))]],
    ['too-many-bytes', [offer(), chunk(0, payloadOf(101))]],
    ['empty-chunk', [offer(), chunk(0, new Uint8Array())]],
    ['chunk-too-large', [offer(), chunk(0, new Uint8Array(MAX_CHUNK_BYTES + 1))]],
  ])('refuses by name what is %s, keeps nothing of it, and takes the next', (reason, messages) => {
    const wire = wireOf(30);
    for (const message of messages) hostile(wire, message);
    expect(wire.refused).toEqual([reason]);
    hostile(wire, chunk(0, payloadOf(100)));
    expect(wire.delivered).toEqual([]);
    for (const message of [offer(), chunk(0, payloadOf(100))]) hostile(wire, message);
    expect(wire.delivered).toEqual([frame]);
  });

  it('refuses frames that are no transfer and whole frames longer than a chunk may be', () => {
    const wire = wireOf(30);
    wire.right.receive({ header: '{"type":"transfer-offer","totalBytes":-1}' });
    wire.right.receive({ header: '{"type":"transfer-' });
    wire.right.receive({ header: '{}', payload: new Uint8Array(MAX_CHUNK_BYTES + 1) });
    expect(wire.refused).toEqual(['malformed', 'malformed', 'chunk-too-large']);
  });

  it('ignores confirmations of what it never sent', () => {
    const wire = wireOf(10);
    wire.left.send(frame);
    const confirm = (nextOffset: number): void => {
      wire.left.receive(encodeTransfer({ type: 'transfer-progress', transfer, nextOffset }));
    };
    confirm(0);
    confirm(100);
    wire.carry();
    expect(wire.delivered).toEqual([frame]);
  });

  it('stops when the receiver refuses', () => {
    const wire = wireOf(10, 50);
    wire.left.send(frame);
    wire.carry();
    expect(wire.refused).toEqual(['too-long']);
    expect(wire.offsets).toEqual([]);
    wire.cut();
    wire.carry();
    expect(wire.refused).toEqual(['too-long']);
  });
});
