import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DECODERS, faultOf } from '../fuzz/decoders.ts';
import { rngOf } from '../fuzz/mutate.ts';

const SEED = 20_260_102;
const INPUTS = 1_000_000;
const each = Math.ceil(INPUTS / DECODERS.length);

it.each(DECODERS.map((decoder) => [decoder.name, decoder] as const))(
  `%s: none of ${String(each)} damaged inputs makes the decoder fail (seed ${String(SEED)})`,
  (_, decoder) => {
    const property = fc.property(fc.nat(), (number) => {
      expect(faultOf(decoder, rngOf(number))).toBeUndefined();
    });
    fc.assert(property, { seed: SEED, numRuns: each });
  },
);
