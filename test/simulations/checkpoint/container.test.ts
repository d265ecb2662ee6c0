import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeContainer, encodeContainer } from '../../../simulations/checkpoint/container.ts';

const vector = fc.oneof(
  fc.float32Array({ maxLength: 9, noNaN: false }),
  fc.float64Array({ maxLength: 9, noNaN: false }),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    vector,
    fc.double({ noNaN: false }).map((value) => (Object.is(value, -0) ? 0 : value)),
    fc.string(),
    fc.constant(null),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.record({ a: tie('tree'), b: tie('tree') }),
  ),
}));

describe('a container', () => {
  it('gives back what was put in, vectors and numbers without end included', () => {
    fc.assert(
      fc.property(tree, (value) => {
        expect(decodeContainer(encodeContainer({ value }), 'file')).toEqual({ value });
      }),
    );
  });

  it('writes a vector once, and gives it back as one', () => {
    const weights = new Float32Array(1000).fill(0.5);
    const once = encodeContainer({ a: weights }).length;
    const twice = encodeContainer({ a: weights, b: { c: weights } });
    expect(twice.length - once).toBeLessThan(200);
    const back = decodeContainer(twice, 'file') as { a: Float32Array; b: { c: Float32Array } };
    expect(back.b.c).toBe(back.a);
    expect(back.a).toEqual(weights);
  });

  it('is refused by the name of its file wherever it is cut or changed', () => {
    const whole = encodeContainer({ round: 3, weights: Float32Array.of(1, 2, 3) });
    for (let length = 0; length < whole.length; length++)
      expect(() => decodeContainer(whole.subarray(0, length), 'runs/a/checkpoint.bin')).toThrow(
        'runs/a/checkpoint.bin',
      );
    for (let i = 0; i < whole.length; i++) {
      const changed = whole.slice();
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(() => decodeContainer(changed, 'the-file'), `byte ${String(i)}`).toThrow('the-file');
    }
  });
});
