/** The ways in which an update is spoilt: by the site that makes it, or on its way. */
import type { LocalResult } from '../../client/training/local-update.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import type { Fault } from './scenario.ts';

export type Corruption = Extract<Fault, { kind: 'corrupt' }>['how'];

/** What the site makes of its update before it is signed. */
export function corruptUpdate(how: Corruption, result: LocalResult): LocalResult {
  switch (how) {
    case 'wrong-shape':
      return { ...result, delta: result.delta.slice(1) };
    case 'nan': {
      const delta = result.delta.slice();
      delta[delta.length >> 1] = NaN;
      return { ...result, delta };
    }
    case 'wrong-signature':
    case 'bit-flip':
      return result;
  }
}

/** In a header of its own, or in one that an offer of chunks holds as text. */
const SIGNATURE = /(\\?"signature\\?":\\?")([0-9a-f])/;
/** The frames of an update: whole, or as an offer and chunks. */
const isOfUpdate = ({ header, payload }: Frame): boolean =>
  payload !== undefined || header.startsWith('{"type":"transfer-offer"');

/** What becomes of a frame from the site. */
export function corruptFrame(how: Corruption, frame: Frame): Frame {
  if (!isOfUpdate(frame)) return frame;
  switch (how) {
    case 'wrong-shape':
    case 'nan':
      return frame;
    case 'wrong-signature': {
      const header = frame.header.replace(
        SIGNATURE,
        (_, before: string, digit: string) => before + (digit === '0' ? '1' : '0'),
      );
      return { ...frame, header };
    }
    case 'bit-flip': {
      if (!frame.payload) return frame;
      const payload = frame.payload.slice();
      const middle = payload.length >> 1;
      payload[middle] = (payload[middle] ?? 0) ^ 1;
      return { ...frame, payload };
    }
  }
}
