/** The held-out images are dealt to sites as the training images were. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dealTestImages } from '../../../simulations/partition/test-shares.ts';
import { toyDataset } from '../../shared/data/toy.ts';

/** The same examples in every run; a failure prints them. */
fc.configureGlobal({ seed: 41 });

describe('shares of the test set', () => {
  it('go to the sites that the data name; images of none belong to none', () => {
    const dataset = toyDataset(['a', 'b', 'a', 'b', 'a', 'c'].map((site) => ({ label: 0, site })));
    const sites = [
      { name: 'a', indices: [0] },
      { name: 'b', indices: [1] },
    ];
    // Of images 2 to 5 those of a are 2 and 4, and that of b is 3: positions 0, 2 and 1.
    const shares = dealTestImages(dataset, [2, 3, 4, 5], { sites, natural: true });
    expect(shares.map((share) => [...share])).toEqual([[0, 2], [1]]);
  });

  it('have of each class what the site has in training', () => {
    // Training: the first site has 3 of 4 images of class 0, the second all of class 1. Test: four of each class.
    const labels = [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1];
    const dataset = toyDataset(labels.map((label) => ({ label })));
    const sites = [
      { name: 'one', indices: [0, 1, 2] },
      { name: 'two', indices: [3, 4, 5] },
    ];
    const shares = dealTestImages(dataset, [6, 7, 8, 9, 10, 11, 12, 13], { sites, natural: false });
    const classes = shares.map((share) => [...share].map((position) => labels[6 + position]));
    expect(classes).toEqual([
      [0, 0, 0],
      [0, 1, 1, 1, 1],
    ]);
  });

  it('leave out a class that no site trains on', () => {
    const dataset = toyDataset([{ label: 0 }, { label: 0 }, { label: 1 }]);
    const shares = dealTestImages(dataset, [1, 2], {
      sites: [{ name: 'one', indices: [0] }],
      natural: false,
    });
    expect(shares.map((share) => [...share])).toEqual([[0]]);
  });

  it('never overlap, keep patients together and are within a patient of their due', () => {
    const image = fc.record({ label: fc.integer({ min: 0, max: 2 }), home: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(fc.array(image, { minLength: 8, maxLength: 80 }), (images) => {
        // Pairs of images of one class are a patient.
        const dataset = toyDataset(
          images.flatMap(({ label }, i) => [0, 1].map(() => ({ label, patient: `p${String(i)}` }))),
          3,
        );
        const half = images.length >> 1;
        const sites = [0, 1, 2, 3].map((home) => ({
          name: String(home),
          indices: images.flatMap((entry, i) => (i < half && entry.home === home ? [2 * i, 2 * i + 1] : [])),
        }));
        const test = images.flatMap((_, i) => (i < half ? [] : [2 * i, 2 * i + 1]));
        const shares = dealTestImages(dataset, test, { sites, natural: false });
        const dealt = shares.flatMap((share) => [...share]);
        expect(new Set(dealt).size).toBe(dealt.length);
        for (const [i, share] of shares.entries()) {
          for (const position of share) expect(share).toContain(position ^ 1);
          for (const label of [0, 1, 2]) {
            const count = (indices: readonly number[]): number =>
              indices.filter((index) => dataset.labels[index] === label).length;
            const total = count(sites.flatMap(({ indices }) => indices));
            if (total === 0) continue;
            const due = (count(test) * count(sites[i]?.indices ?? [])) / total;
            const got = count([...share].map((position) => test[position] ?? -1));
            expect(Math.abs(got - due)).toBeLessThanOrEqual(4);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
