import { describe, expect, it } from 'vitest';
import { metricsOf, subgroupTests, type TestedImages } from '../../simulations/subgroup-tests.ts';

/** 40 images of two classes; the model is right on all of the first 20 and on half of the others. */
const labels = Int32Array.from({ length: 40 }, (_, i) => i % 2);
const images: TestedImages = {
  probabilities: Float64Array.from({ length: 80 }, (_, k) => {
    const i = k >> 1;
    const said = i < 20 ? i % 2 : (i >> 1) % 2;
    return k % 2 === said ? 0.9 : 0.1;
  }),
  labels,
  classNames: ['benign', 'malignant'],
  patients: Array.from(labels, (_, i) => String(i)),
};
const attributes = Array.from(labels, (_, i) => ({
  sex: i < 20 ? 'female' : 'male',
  scanner: i < 3 ? 'old' : '',
}));

describe('the tests of subgroups', () => {
  it('are of the images of each group alone; a group of a few images has none', () => {
    const tests = subgroupTests(images, attributes);
    expect(tests.map(({ attribute, group }) => `${attribute} ${group}`)).toEqual(['sex female', 'sex male']);
    const [female, male] = tests;
    expect(female?.classCounts).toEqual([10, 10]);
    expect(female?.metrics.accuracy).toEqual({ value: 1 });
    expect(male?.metrics.accuracy.value).toBe(0.5);
  });

  it('are none where the data say nothing of the kind', () => {
    expect(subgroupTests(images, undefined)).toEqual([]);
  });

  it('have intervals where asked for, and agree with the whole on all rows', () => {
    const bootstrap = { replicates: 200, seed: 1 };
    const { accuracy } = metricsOf({ ...images, bootstrap }, Int32Array.from(labels.keys()));
    expect(accuracy.value).toBe(0.75);
    expect(accuracy.interval?.low).toBeLessThan(0.75);
    expect(accuracy.interval?.high).toBeGreaterThan(0.75);
  });
});
