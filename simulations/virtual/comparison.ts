/**
 * What federating is compared with: each site alone, and all images in one place. Both have the same initial weights,
 * the same recipe and as many epochs in total as the federation, unless the configuration gives a recipe for them, and keep the epoch that is best on the same
 * validation set, as the federation keeps its best round.
 */
import { personalWeights } from '../../client/training/local-method.ts';
import { foldFederatedPrior } from '../../shared/learning/training/prior-adjustment.ts';
import type { Manifest } from '../../shared/learning/weights.ts';
import type { Pool } from '../pool/pool.ts';
import type { ModelSpec } from '../pool/tasks.ts';
import { stepsPerEpochOf } from '../../shared/learning/training/batches.ts';
import type { LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import type { SimulationConfig } from '../simulation-config.ts';
import type { SimulationHooks } from '../progress.ts';
import type { StatesBySite } from './judge-sites.ts';
import type { ThawedNetwork } from './network.ts';
import type { PreparedData, VirtualSite } from './prepare.ts';

/** A site's own weights. */
interface SiteModel {
  readonly site: string;
  readonly weights: Float32Array;
}

/** Models of sites are in the order of the sites. */
export interface Comparison {
  readonly pooled: Float32Array | undefined;
  readonly local: readonly SiteModel[];
  /** The federated model as each site uses it; empty where that is the global model itself. */
  readonly personalised: readonly SiteModel[];
  readonly finetuned: readonly SiteModel[];
}

interface ComparisonInput {
  readonly config: SimulationConfig;
  readonly model: ModelSpec;
  /** Where part of the model is frozen for the first rounds only. */
  readonly thawed?: ThawedNetwork;
  readonly initialWeights: Float32Array;
  readonly data: PreparedData;
  /** The federated model that is compared, and what the sites kept of its round. */
  readonly best: { readonly weights: Float32Array; readonly states: StatesBySite };
  /** Of the federation, where the plan needs them. */
  readonly classCounts: readonly number[] | undefined;
  readonly manifest: Manifest;
  readonly pool: Pool;
  readonly hooks: SimulationHooks;
}

export async function trainForComparison(input: ComparisonInput): Promise<Comparison> {
  const { config, data, hooks } = input;
  const wantsPooled = config.compare.includes('pooled');
  const sites = config.compare.includes('local') ? data.sites : [];
  const tuned = config.compare.includes('finetuned') ? data.sites : [];
  const total = sites.length + tuned.length + (wantsPooled ? 1 : 0);
  let done = 0;
  const counted = async (training: Promise<Float32Array>): Promise<Float32Array> => {
    const weights = await training;
    done++;
    hooks.onProgress?.({ kind: 'compared', done, total });
    return weights;
  };
  // The longest training first, so that the workers finish together.
  const pooled = wantsPooled
    ? counted(fitCentrally(input, data.pooled, { site: 'pooled', standsFor: data.sites.length }))
    : Promise.resolve(undefined);
  const local = sites.map(async (site) => ({
    site: site.name,
    weights: await counted(fitCentrally(input, site.data, { site: site.siteId, standsFor: 1 })),
  }));
  const finetuned = tuned.map(async (site) => ({
    site: site.name,
    weights: await counted(fineTune(input, site)),
  }));
  // All are waited for before one failure ends the comparison: nothing may run behind its back.
  await Promise.allSettled([pooled, ...local, ...finetuned]);
  return {
    pooled: await pooled,
    local: await Promise.all(local),
    personalised: personalModels(input),
    finetuned: await Promise.all(finetuned),
  };
}

function personalModels({ data, best, manifest, config, classCounts }: ComparisonInput): SiteModel[] {
  if (config.strategy.name !== 'fedbn') return [];
  const prior = { counts: classCounts, tau: config.training.logitAdjustmentTau };
  return data.sites.map(({ siteId, name }) => ({
    site: name,
    weights: foldFederatedPrior(
      personalWeights(best.weights, best.states.get(siteId), manifest),
      manifest,
      prior,
    ),
  }));
}

function fineTune(
  { config, model: first, thawed, best, pool, hooks }: ComparisonInput,
  site: VirtualSite,
): Promise<Float32Array> {
  const { siteId, data } = site;
  const { fineTuning } = config;
  // As the federation's last rounds trained it.
  const model = thawed?.model ?? first;
  const state = best.states.get(siteId);
  const seed = { run: config.seed, site: siteId };
  return pool.personalise({ model, seed, fineTuning, weights: best.weights, state, data }, hooks.signal);
}

async function fitCentrally(
  { config, model, thawed, initialWeights, data, pool, hooks }: ComparisonInput,
  images: LabelledImages,
  { site, standsFor }: { readonly site: string; readonly standsFor: number },
): Promise<Float32Array> {
  const epochs = epochsInAll(config, images.count, standsFor);
  const recipe = config.comparisonTraining ?? { ...model.recipe, epochs };
  const thaw = thawed && {
    thaw: {
      model: { ...thawed.model, recipe },
      fromEpoch: thawEpoch(thawed.fromRound, config.rounds, recipe.epochs),
    },
  };
  const { weights } = await pool.fit(
    {
      model: { ...model, recipe },
      seed: { run: config.seed, round: 0, site },
      weights: initialWeights,
      data: images,
      validation: data.validation,
      classNames: data.classNames,
      ...thaw,
    },
    hooks.signal,
  );
  return weights;
}

/** The epoch, of so many in all, with which the round begins in which a federation trains the whole model. */
export function thawEpoch(fromRound: number, rounds: number, epochs: number): number {
  return 1 + Math.round(((fromRound - 1) / rounds) * epochs);
}

/** As many epochs as the federation's steps at so many sites make of `count` images. */
export function epochsInAll(
  {
    rounds,
    localSteps,
    epochs,
    training,
  }: Pick<SimulationConfig, 'rounds' | 'localSteps' | 'epochs' | 'training'>,
  count: number,
  sites: number,
): number {
  if (localSteps === undefined) return rounds * epochs;
  return Math.ceil((rounds * localSteps * sites) / stepsPerEpochOf(count, training.batchSize));
}
