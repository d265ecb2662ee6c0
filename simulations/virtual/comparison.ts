/**
 * What federating is compared with: each site alone, and all images in one place. Both have the same initial weights,
 * the same recipe and as many epochs in total as the federation, and keep the epoch that is best on the same
 * validation set, as the federation keeps its best round.
 */
import type { Pool } from '../pool/pool.ts';
import type { ModelSpec } from '../pool/tasks.ts';
import type { LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import type { SimulationConfig } from '../simulation-config.ts';
import type { SimulationHooks } from '../progress.ts';
import type { PreparedData } from './prepare.ts';

export interface Comparison {
  readonly pooled: Float32Array | undefined;
  /** In the order of the sites. */
  readonly local: readonly { readonly site: string; readonly weights: Float32Array }[];
}

interface ComparisonInput {
  readonly config: SimulationConfig;
  readonly model: ModelSpec;
  readonly initialWeights: Float32Array;
  readonly data: PreparedData;
  readonly pool: Pool;
  readonly hooks: SimulationHooks;
}

export async function trainForComparison(input: ComparisonInput): Promise<Comparison> {
  const { config, data, hooks } = input;
  const wantsPooled = config.compare.includes('pooled');
  const sites = config.compare.includes('local') ? data.sites : [];
  const total = sites.length + (wantsPooled ? 1 : 0);
  let done = 0;
  const train = async (images: LabelledImages, site: string): Promise<Float32Array> => {
    const weights = await fitCentrally(input, images, site);
    done++;
    hooks.onProgress?.({ kind: 'compared', done, total });
    return weights;
  };
  // The longest training first, so that the workers finish together.
  const pooled = wantsPooled ? train(data.pooled, 'pooled') : Promise.resolve(undefined);
  const local = sites.map(async (site) => ({
    site: site.name,
    weights: await train(site.data, site.siteId),
  }));
  // All are waited for before one failure ends the comparison: nothing may run behind its back.
  await Promise.allSettled([pooled, ...local]);
  return { pooled: await pooled, local: await Promise.all(local) };
}

async function fitCentrally(
  { config, model, initialWeights, data, pool, hooks }: ComparisonInput,
  images: LabelledImages,
  site: string,
): Promise<Float32Array> {
  const recipe = { ...model.recipe, epochs: config.rounds * model.recipe.epochs };
  const { weights } = await pool.fit(
    {
      model: { ...model, recipe },
      seed: { run: config.seed, round: 0, site },
      weights: initialWeights,
      data: images,
      validation: data.validation,
      classNames: data.classNames,
    },
    hooks.signal,
  );
  return weights;
}
