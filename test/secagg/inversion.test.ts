/**
 * What secure aggregation is for, seen from the attacker: a clear update gives the image away, exactly; what the
 * coordinator sees, one site's masked vector and the sum over ten sites, does not.
 */
import { describe, expect, it } from 'vitest';
import { makePhantoms } from '../../shared/data/phantoms.ts';
import { createRng, deriveSeed } from '../../shared/rng.ts';
import { applyMasks, removeMasks, type SignedSeed } from '../../shared/secagg/masks.ts';
import { decodeSum, encodeContribution, vectorLayout } from '../../shared/secagg/masked-vector.ts';
import { addInto, newRingVector, RING_BITS, type RingBits } from '../../shared/secagg/ring.ts';
import { invertDenseLayer, psnr } from '../attacks/analytic-inversion.ts';
import { firstLayerOf, oneStep, smallNetwork, type SmallNetwork } from '../attacks/small-network.ts';

const SITES = 10;
const SIDE = 28;
/** Every unit answers to every image. */
const network = smallNetwork('tanh', SIDE * SIDE, 32, 1);
const flattening = deriveSeed('inversion/flattening');

/** Black and white blobs: no image is near another, nor near the mean of all, which would be half a reconstruction. */
function blobs(seed: number): Float64Array {
  const rng = createRng(deriveSeed('inversion/blobs', seed));
  const waves = Array.from({ length: 6 }, () => ({
    x: rng.normal() * 0.35,
    y: rng.normal() * 0.35,
    phase: 2 * Math.PI * rng.uniform(),
  }));
  return Float64Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [column, row] = [i % SIDE, Math.floor(i / SIDE)];
    const sum = waves.reduce((a, { x, y, phase }) => a + Math.sin(x * column + y * row + phase), 0);
    return sum > 0 ? 1 : 0;
  });
}

const images = Array.from({ length: SITES }, (_, site) => blobs(site));
const deltasOf = (of: SmallNetwork): Float32Array[] =>
  images.map((image, site) => oneStep(of, image, site % 2, 0.1));
const deltas = deltasOf(network);

/** Seeds as the pairs would agree on them; here any will do. */
function masksOf(site: number): { self: Uint8Array; peers: SignedSeed[] } {
  const seedOf = (u: number, v: number): Uint8Array =>
    new Uint8Array(32).fill(1 + Math.min(u, v) * SITES + Math.max(u, v));
  const peers = Array.from({ length: SITES }, (_, peer) => peer)
    .filter((peer) => peer !== site)
    .map((peer): SignedSeed => ({ seed: seedOf(site, peer), sign: site < peer ? 1 : -1 }));
  return { self: seedOf(site, site), peers };
}

/** One round: what each site uploads, and what the coordinator gets in the end. */
function round(bits: RingBits) {
  const layout = vectorLayout({
    ...{ bits, cohort: SITES, clipL2Norm: 1, counterCount: 1 },
    parameterCount: deltas[0]?.length ?? 0,
  });
  const sum = newRingVector(bits, layout.length);
  const uploads = deltas.map((delta, site) => {
    const rng = createRng(deriveSeed('inversion/rounding', site));
    const vector = encodeContribution({ delta, weight: 1, counters: [1] }, layout, { rng, flattening });
    applyMasks(vector, masksOf(site));
    addInto(sum, vector);
    return vector;
  });
  removeMasks(sum, { selves: uploads.map((_, site) => masksOf(site).self), pairs: [] });
  const read = (vector: typeof sum) => firstLayerOf(decodeSum(vector, layout, flattening).delta, network);
  return { uploads: uploads.map(read), sum: read(sum) };
}

/** The best any unit gives of any of the images: an attacker who could tell which would be no better off. */
const best = (guesses: readonly Float64Array[], among: readonly Float64Array[] = images): number =>
  Math.max(...guesses.flatMap((guess) => among.map((image) => psnr(image, guess))));

describe('analytic inversion of the first layer', () => {
  it('recovers every image from a clear update, above 60 dB', () => {
    images.forEach((image, site) => {
      const guesses = invertDenseLayer(firstLayerOf(deltas[site] ?? new Float32Array(), network));
      expect(best(guesses, [image]), `site ${String(site)}`).toBeGreaterThan(60);
    });
  });

  it('recovers a radiograph just as well', () => {
    const { pixels } = makePhantoms({ count: 1, seed: 3 });
    const image = Float64Array.from(pixels, (value) => value / 255);
    const guesses = invertDenseLayer(firstLayerOf(oneStep(network, image, 1, 0.1), network));
    expect(best(guesses, [image])).toBeGreaterThan(60);
  });

  it('would also work on the quantised update of a single site: rounding alone protects nothing', () => {
    const layout = vectorLayout({
      ...{ bits: 32, cohort: SITES, clipL2Norm: 1, counterCount: 0 },
      parameterCount: deltas[0]?.length ?? 0,
    });
    const delta = deltas[0] ?? new Float32Array();
    const rng = createRng(deriveSeed('inversion/rounding'));
    const vector = encodeContribution({ delta, weight: 1, counters: [] }, layout, { rng, flattening });
    const guesses = invertDenseLayer(firstLayerOf(decodeSum(vector, layout, flattening).delta, network));
    expect(best(guesses, images.slice(0, 1))).toBeGreaterThan(60);
  });

  it.each(RING_BITS)('fails on the masked vector of each site, below 10 dB (%d bits)', (bits) => {
    for (const [site, seen] of round(bits).uploads.entries())
      expect(best(invertDenseLayer(seen)), `site ${String(site)}`).toBeLessThan(10);
  });

  it.each(RING_BITS)(
    'fails on the sum over ten sites, below 10 dB, whichever image it is held against (%d bits)',
    (bits) => {
      const seen = round(bits).sum;
      expect(best(invertDenseLayer(seen))).toBeLessThan(10);
    },
  );

  it('is not stopped where only one image of the ten activates a unit: that takes noise, not masks', () => {
    const silent = smallNetwork('relu', SIDE * SIDE, 32, 1);
    const sum = new Float64Array(deltas[0]?.length ?? 0);
    for (const delta of deltasOf(silent))
      delta.forEach((value, i) => {
        sum[i] = (sum[i] ?? 0) + value;
      });
    expect(best(invertDenseLayer(firstLayerOf(sum, silent)))).toBeGreaterThan(60);
  });
});
