import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { siteIdSchema } from '../../../shared/ids.ts';
import { deriveSeed } from '../../../shared/rng.ts';
import {
  logFactorials,
  lowerQuantile,
  probability,
  upperQuantile,
} from '../../../shared/secagg/hypergeometric.ts';
import { hararyGraph, neighbourParameters, neighboursOf } from '../../../shared/secagg/neighbours.ts';

/**
 * Published with the authors' implementation (google-parfait/federated-compute,
 * fcp/secagg/server/graph_parameter_finder_test.cc), for security 2⁻⁴⁰ and correctness 2⁻²⁰.
 */
const PUBLISHED = [
  [100, 0.45, 0.45, 'curious', 92, 46],
  [1000, 0.45, 0.45, 'curious', 822, 417],
  [10, 0.33, 0.33, 'curious', 8, 4],
  [100, 0.33, 0.33, 'curious', 68, 34],
  [1000, 0.33, 0.33, 'curious', 286, 150],
  [10_000, 0.33, 0.33, 'curious', 422, 221],
  [100_000, 0.33, 0.33, 'curious', 480, 251],
  [100, 0.3, 0.3, 'malicious', 92, 62],
  [1000, 0.3, 0.3, 'malicious', 872, 584],
  [10, 0.05, 0.33, 'curious', 4, 2],
  [100, 0.05, 0.33, 'curious', 28, 6],
  [1000, 0.05, 0.33, 'curious', 72, 24],
  [10, 0.05, 0.33, 'malicious', 8, 5],
  [1000, 0.05, 0.33, 'malicious', 398, 223],
  [10, 0.33, 0.05, 'curious', 4, 4],
  [100, 0.33, 0.05, 'malicious', 42, 37],
  [10_000, 0.33, 0.05, 'malicious', 178, 146],
] as const;

describe('the parameters of Bell et al.', () => {
  it.each(PUBLISHED)(
    'for %d sites, %d colluding, %d dropping, a %s coordinator: degree %d, threshold %d',
    (siteCount, colludingRate, dropRate, coordinator, degree, threshold) => {
      const found = neighbourParameters({ siteCount, colludingRate, dropRate, coordinator });
      expect(found).toEqual({ degree, threshold });
    },
  );

  it('are refused where the rates leave no room, with what to do', () => {
    const base = { siteCount: 300, colludingRate: 0.3, dropRate: 0.3, coordinator: 'malicious' } as const;
    expect(() => neighbourParameters({ ...base, colludingRate: 0.4 })).toThrow('may add up to 0.9');
    expect(() => neighbourParameters({ ...base, dropRate: 1 })).toThrow('lie in 0 to 1');
    expect(() => neighbourParameters({ ...base, siteCount: 0 })).toThrow('not 0');
    expect(() => neighbourParameters({ ...base, siteCount: 20 })).toThrow('lower the rates');
  });
});

describe('the hypergeometric distribution', () => {
  const draw = { population: 10, marked: 4, draws: 3, factorials: logFactorials(10) };

  it('gives the hand-checked probabilities of 4 marked among 10, 3 drawn', () => {
    // C(4,k)·C(6,3−k) / 120
    expect([0, 1, 2, 3].map((k) => Math.round(probability(draw, k) * 120))).toEqual([20, 60, 36, 4]);
    expect(probability(draw, 4)).toBe(0);
    expect(probability(draw, -1)).toBe(0);
  });

  it('has quantiles on the safe side of their tails', () => {
    // P[X > 2] = 4/120, P[X > 1] = 40/120
    expect(upperQuantile(draw, 0.04)).toBe(2);
    expect(upperQuantile(draw, 0.03)).toBe(3);
    expect(upperQuantile(draw, 1)).toBe(-1);
    // P[X ≤ 0] = 20/120
    expect(lowerQuantile(draw, 0.1)).toBe(0);
    expect(lowerQuantile(draw, 0.2)).toBe(1);
  });
});

describe('Harary graphs', () => {
  it('are symmetric, regular and without loops, for any size and order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 80 }), fc.nat(), fc.nat(), (n, choice, seed) => {
        const degree = 2 * (1 + (choice % Math.floor((n - 1) / 2)));
        const graph = hararyGraph(n, degree, deriveSeed('graph', seed));
        const sets = graph.map((neighbours) => new Set(neighbours));
        const isRight = graph.every(
          (neighbours, site) =>
            sets[site]?.size === degree &&
            !sets[site].has(site) &&
            neighbours.every((other) => sets[other]?.has(site)),
        );
        expect(isRight).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('stay connected when any degree − 1 sites leave', () => {
    const graph = hararyGraph(9, 4, deriveSeed('connected'));
    for (let mask = 0; mask < 512; mask++) {
      const left = graph.map((_, site) => site).filter((site) => !(mask & (1 << site)));
      if (left.length < 6) continue;
      expect(reachable(graph, left).size, `without ${mask.toString(2)}`).toBe(left.length);
    }
  });

  it('refuse a degree that is odd, zero or too large', () => {
    for (const degree of [0, 3, 10])
      expect(() => hararyGraph(10, degree, deriveSeed('x')), String(degree)).toThrow('even degree');
  });
});

function reachable(graph: readonly (readonly number[])[], left: readonly number[]): Set<number> {
  const seen = new Set(left.slice(0, 1));
  for (const site of seen) for (const other of graph[site] ?? []) if (left.includes(other)) seen.add(other);
  return seen;
}

describe('neighbours of sites', () => {
  const sites = Array.from({ length: 30 }, (_, i) => siteIdSchema.parse(`site-${String(i)}`));

  it('follow from the advertisements, not from the order in which the sites are listed', () => {
    const hash = new Uint8Array(64).fill(1);
    const neighbours = neighboursOf(sites, 6, hash);
    expect(neighboursOf([...sites].reverse(), 6, hash)).toEqual(neighbours);
    expect(neighboursOf(sites, 6, new Uint8Array(64).fill(2))).not.toEqual(neighbours);
    for (const site of sites) {
      const mine = neighbours.get(site) ?? [];
      expect(mine).toHaveLength(6);
      expect([...mine].sort()).toEqual(mine);
      for (const other of mine) expect(neighbours.get(other)).toContain(site);
    }
  });
});
