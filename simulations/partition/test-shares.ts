/**
 * Each site's share of the held-out test images, dealt as the training images were: where the data name sites, the images of
 * that site; otherwise of each class in proportion to the sites' training images of that class, whole patients. So a site
 * is judged on images like its own that no site has trained on, and no training image is given up for it.
 */
import type { Dataset } from '../../shared/data/dataset.ts';
import { at, classCounts } from '../../shared/data/select.ts';
import { groupByPatient } from '../../shared/data/split.ts';

export interface TestSite {
  readonly name: string;
  /** Its training images, into the dataset. */
  readonly indices: ArrayLike<number>;
}

/**
 * @param test the held-out images, into the dataset
 * @param natural the sites are those that the data name
 * @returns by site positions in `test`, ascending and disjoint; images that are like no site's belong to none
 */
export function dealTestImages(
  dataset: Dataset,
  test: ArrayLike<number>,
  { sites, natural }: { readonly sites: readonly TestSite[]; readonly natural: boolean },
): Int32Array[] {
  const positions = new Map(Array.from(test, (index, position) => [index, position]));
  const dealt = natural ? byOrigin(dataset, test, sites) : byShare(dataset, test, sites);
  return dealt.map((indices) => Int32Array.from(indices, (index) => positions.get(index) ?? 0).sort());
}

function byOrigin(dataset: Dataset, test: ArrayLike<number>, sites: readonly TestSite[]): number[][] {
  const origins = dataset.sites ?? [];
  return sites.map(({ name }) => Array.from(test).filter((index) => origins[index] === name));
}

/** Patient by patient to the site that lacks most of what is its due; of equals to the first. */
function byShare(dataset: Dataset, test: ArrayLike<number>, sites: readonly TestSite[]): number[][] {
  const dealt = sites.map((): number[] => []);
  const training = sites.map(({ indices }) => classCounts(dataset, indices));
  const groups = groupByPatient(dataset, test);
  for (const label of dataset.classNames.keys()) {
    const counts = training.map((site) => at(site, label));
    const total = counts.reduce((a, b) => a + b, 0);
    if (total === 0) continue;
    const patients = groups.filter((group) => group.label === label);
    const images = patients.reduce((sum, { indices }) => sum + indices.length, 0);
    const lacking = counts.map((count) => (images * count) / total);
    for (const { indices } of patients) {
      const site = lacking.reduce((best, lack, i) => (lack > at(lacking, best) ? i : best), 0);
      lacking[site] = at(lacking, site) - indices.length;
      at(dealt, site).push(...indices);
    }
  }
  return dealt;
}
