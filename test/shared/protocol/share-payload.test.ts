import fc from 'fast-check';
import { expect, it } from 'vitest';
import { dealtBytes, dealtEntry, dealtOwn, decodeDealt } from '../../../shared/protocol/share-payload.ts';

it('finds in what was dealt the entry of one peer, as whoever decodes all of it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 6 }), fc.integer(), (peerCount, seed) => {
      const bytes = Uint8Array.from({ length: dealtBytes(peerCount) }, (_, i) => (seed + 31 * i) & 255);
      const whole = decodeDealt(bytes, peerCount);
      for (let index = 0; index < peerCount; index++)
        expect(dealtEntry(bytes, peerCount, index)).toEqual(whole?.entries[index]);
      expect(dealtOwn(bytes, peerCount)).toEqual(whole?.own);
      for (const index of [-1, peerCount]) expect(dealtEntry(bytes, peerCount, index)).toBeUndefined();
      expect(dealtEntry(bytes, peerCount + 1, 0)).toBeUndefined();
      expect(dealtOwn(bytes.subarray(1), peerCount)).toBeUndefined();
    }),
  );
});
