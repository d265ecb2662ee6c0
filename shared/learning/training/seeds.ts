/**
 * Random streams of a local training. Each purpose has its own, so that turning dropout or augmentation on or off
 * leaves the order of the images as it is; each epoch begins a new one, so that an epoch can be repeated by itself.
 */
import { createRng, deriveSeed, type Rng } from '../../rng.ts';

/** What names a local training: the same parts give the same update. */
export interface TrainingSeed {
  readonly run: number | string;
  readonly round: number;
  readonly site: number | string;
}

/** 'run-order': the order of a site's images that goes on from round to round. */
export type StreamPurpose = 'order' | 'run-order' | 'dropout' | 'augmentation';

const EVERY_ROUND = 0;

/** Of one epoch of the order that all rounds of a site share. */
export function runOrderStream({ run, site }: TrainingSeed, epoch: number): Rng {
  return trainingStream({ run, site, round: EVERY_ROUND }, 'run-order', epoch);
}

export function trainingStream(seed: TrainingSeed, purpose: StreamPurpose, epoch: number): Rng {
  return createRng(deriveSeed('local-training', purpose, seed.run, seed.round, seed.site, epoch));
}
