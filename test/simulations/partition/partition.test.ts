import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError, InputError } from '../../../shared/errors.ts';
import { createRng, deriveSeed } from '../../../shared/rng.ts';
import type { Dataset } from '../../../shared/data/dataset.ts';
import { dirichlet, logGamma, weightedIndex } from '../../../simulations/partition/distributions.ts';
import { partition, type Partition } from '../../../simulations/partition/partition.ts';
import { parsePartition, PARTITION_FORMS } from '../../../simulations/partition/schemes.ts';
import { toyDataset } from '../../shared/data/toy.ts';

const pool = (count: number, classes = 4): Dataset =>
  toyDataset(
    Array.from({ length: count }, (_, i) => ({ label: i % classes })),
    classes,
  );
const all = (dataset: Dataset): number[] => Array.from({ length: dataset.count }, (_, i) => i);
const sizes = (parts: Partition): number[] => parts.sites.map(({ indices }) => indices.length);

describe('partition', () => {
  it('deals iid sites of equal size and similar classes', () => {
    const dataset = pool(1000);
    const parts = partition(dataset, all(dataset), { scheme: { kind: 'iid' }, sites: 4, seed: 1 });
    expect(sizes(parts)).toEqual([250, 250, 250, 250]);
    // 62.5 a class expected; five standard deviations of a hypergeometric draw are about 30.
    for (const count of parts.counts.flat()) expect(Math.abs(count - 62.5)).toBeLessThan(30);
    expect(parts.counts.map((row) => row.reduce((a, b) => a + b, 0))).toEqual(sizes(parts));
  });

  it('gives Dirichlet sites equal sizes, and fewer classes the smaller alpha', () => {
    const dataset = pool(1000);
    const largestShare = (alpha: number): number => {
      const parts = partition(dataset, all(dataset), {
        scheme: { kind: 'dirichlet', alpha },
        sites: 10,
        seed: 2,
      });
      expect(sizes(parts)).toEqual(Array<number>(10).fill(100));
      return parts.counts.reduce((sum, row) => sum + Math.max(...row), 0) / 1000;
    };
    // The last sites get what the others left over, so that even one-class mixes do not reach 1.
    expect(largestShare(0.01)).toBeGreaterThan(0.6);
    expect(largestShare(1000)).toBeLessThan(0.4);
  });

  it('gives shards of one or two classes', () => {
    const dataset = pool(400);
    const parts = partition(dataset, all(dataset), {
      scheme: { kind: 'shards', shardsPerSite: 1 },
      sites: 4,
      seed: 3,
    });
    expect(parts.counts.map((row) => row.toSorted((a, b) => b - a))).toEqual(Array(4).fill([100, 0, 0, 0]));
    const two = partition(dataset, all(dataset), {
      scheme: { kind: 'shards', shardsPerSite: 2 },
      sites: 4,
      seed: 3,
    });
    expect(sizes(two)).toEqual([100, 100, 100, 100]);
    for (const row of two.counts) expect(row.filter((count) => count > 0).length).toBeLessThanOrEqual(2);
  });

  it('gives sizes by a power law', () => {
    const dataset = pool(1100);
    const scheme = { kind: 'quantity', exponent: 1 } as const;
    const parts = partition(dataset, all(dataset), { scheme, sites: 3, seed: 4 });
    // 1 : 1/2 : 1/3 of 1100.
    expect(sizes(parts).sort((a, b) => b - a)).toEqual([600, 300, 200]);
  });

  it('follows the sites that the data name, and keeps a patient of two sites at the one with most images', () => {
    const dataset = toyDataset([
      { label: 0, patient: 'a', site: 'Wien' },
      { label: 1, patient: 'a', site: 'Wien' },
      { label: 1, patient: 'a', site: 'Brisbane' },
      { label: 0, patient: 'b', site: 'Brisbane' },
      { label: 0, patient: 'c', site: 'Wien' },
      { label: 0, patient: 'c', site: 'Brisbane' },
    ]);
    const parts = partition(dataset, all(dataset), { scheme: { kind: 'natural' }, seed: 0 });
    expect(parts.sites.map(({ name, indices }) => [name, Array.from(indices)])).toEqual([
      ['Brisbane', [3, 4, 5]],
      ['Wien', [0, 1, 2]],
    ]);
    expect(parts.counts).toEqual([
      [3, 0],
      [1, 2],
    ]);
    expect(() =>
      partition(dataset, all(dataset), { scheme: { kind: 'natural' }, sites: 3, seed: 0 }),
    ).toThrow('toy has 2 sites (Brisbane, Wien), not 3');
    expect(() => partition(pool(4), [0, 1], { scheme: { kind: 'natural' }, seed: 0 })).toThrow(DataError);
  });

  it('is the same for the same seed and another for another', () => {
    const dataset = pool(200);
    const deal = (seed: number): Partition =>
      partition(dataset, all(dataset), { scheme: { kind: 'dirichlet', alpha: 0.3 }, sites: 5, seed });
    expect(deal(1)).toEqual(deal(1));
    expect(deal(1)).not.toEqual(deal(2));
  });

  it('gives every site the minimum or says that it cannot', () => {
    const dataset = pool(100);
    const scheme = { kind: 'quantity', exponent: 4 } as const;
    const parts = partition(dataset, all(dataset), { scheme, sites: 8, seed: 1, minimumPerSite: 10 });
    expect(Math.min(...sizes(parts))).toBeGreaterThanOrEqual(10);
    const attempt = (): unknown =>
      partition(dataset, all(dataset), { scheme, sites: 8, seed: 1, minimumPerSite: 13 });
    expect(attempt).toThrow(InputError);
    expect(attempt).toThrow('take fewer sites or a lower minimum');
    expect(() => partition(dataset, all(dataset), { scheme, sites: 0, seed: 1 })).toThrow(
      'number of sites is 0',
    );
  });

  it('deals every image to exactly one site and no patient to two, whatever the scheme', () => {
    const image = fc.record({
      label: fc.nat(2),
      patient: fc.nat(30).map((p) => `p${String(p)}`),
      site: fc.constantFrom('A', 'B', 'C'),
    });
    const scheme = fc
      .constantFrom('iid', 'dirichlet:0.1', 'shards:3', 'quantity:2', 'natural')
      .map(parsePartition);
    fc.assert(
      fc.property(
        fc.array(image, { minLength: 1, maxLength: 80 }),
        scheme,
        fc.integer({ min: 1, max: 6 }),
        fc.nat(),
        (toys, chosen, sites, seed) => {
          const dataset = toyDataset(toys, 3);
          const wanted = chosen.kind === 'natural' ? {} : { sites };
          const parts = partition(dataset, all(dataset), {
            scheme: chosen,
            seed,
            minimumPerSite: 0,
            ...wanted,
          });
          const dealt = parts.sites.flatMap(({ indices }) => Array.from(indices));
          expect(dealt.sort((a, b) => a - b)).toEqual(all(dataset));
          const siteOf = new Map<string, string>();
          for (const { name, indices } of parts.sites)
            for (const index of indices) {
              const patient = dataset.patients[index] ?? '';
              expect(siteOf.get(patient) ?? name).toBe(name);
              siteOf.set(patient, name);
            }
        },
      ),
    );
  });

  it('deals only the given indices', () => {
    const dataset = pool(20);
    const parts = partition(dataset, [1, 3, 5, 7], { scheme: { kind: 'iid' }, sites: 2, seed: 1 });
    expect(parts.sites.flatMap(({ indices }) => Array.from(indices)).sort()).toEqual([1, 3, 5, 7]);
  });
});

describe('parsePartition', () => {
  it('reads every form', () => {
    expect(parsePartition('iid')).toEqual({ kind: 'iid' });
    expect(parsePartition('dirichlet')).toEqual({ kind: 'dirichlet', alpha: 0.5 });
    expect(parsePartition('dirichlet:0.1')).toEqual({ kind: 'dirichlet', alpha: 0.1 });
    expect(parsePartition('shards:3')).toEqual({ kind: 'shards', shardsPerSite: 3 });
    expect(parsePartition('quantity:1.5')).toEqual({ kind: 'quantity', exponent: 1.5 });
    expect(parsePartition('natural')).toEqual({ kind: 'natural' });
  });

  it.each(['', 'random', 'dirichlet:0', 'dirichlet:x', 'shards:1.5', 'natural:3', 'iid:2'])(
    'refuses "%s"',
    (text) => {
      expect(() => parsePartition(text)).toThrow(PARTITION_FORMS.join(', '));
    },
  );
});

describe('random variates', () => {
  const rng = createRng(deriveSeed('variates', 1));

  it('gives Gamma variates of the right mean and variance', () => {
    for (const shape of [0.3, 1, 4.5]) {
      const draws = Array.from({ length: 20_000 }, () => Math.exp(logGamma(rng, shape)));
      const mean = draws.reduce((a, b) => a + b, 0) / draws.length;
      const variance = draws.reduce((a, b) => a + (b - mean) ** 2, 0) / draws.length;
      // Mean and variance of Gamma(k, 1) are both k; 20 000 draws are within a few percent.
      expect(mean / shape).toBeCloseTo(1, 1);
      expect(Math.abs(variance / shape - 1)).toBeLessThan(0.15);
    }
  });

  it('gives shares that sum to 1 even for tiny concentrations', () => {
    for (let i = 0; i < 200; i++) {
      const shares = dirichlet(rng, [1e-4, 1e-4, 0, 1e-4]);
      expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
      expect(shares[2]).toBe(0);
    }
  });

  it('draws indices in proportion to their weights', () => {
    const counts = [0, 0, 0];
    for (let i = 0; i < 10_000; i++) {
      const index = weightedIndex(rng, [1, 0, 3]);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    expect(counts[1]).toBe(0);
    // 2500 expected, standard deviation 43.
    expect(Math.abs((counts[0] ?? 0) - 2500)).toBeLessThan(220);
  });
});
