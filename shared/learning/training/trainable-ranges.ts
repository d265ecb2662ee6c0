/** The trainable part of a flat vector as a few contiguous ranges, so that loops over it need no mask. */
import type { Manifest, ManifestEntry } from '../weights.ts';

export interface TrainableRange {
  /** First value. */
  readonly start: number;
  /** One past the last value. */
  readonly end: number;
  /** Whether weight decay applies. */
  readonly decayed: boolean;
  /** Multiplies the learning rate. */
  readonly rateFactor: number;
}

/**
 * Biases and normalisation parameters are exempt: they are few, do not overfit, and pulling a scale towards zero
 * works against the normalisation.
 */
export const decaysByDefault = (entry: ManifestEntry): boolean => entry.kind === 'kernel';

const rateFactorOf = (entry: ManifestEntry): number => entry.learningRateFactor ?? 1;

/** Ascending, disjoint, maximal ranges of trainable values that share `decayed` and `rateFactor`. */
export function trainableRanges(
  manifest: Manifest,
  decays: (entry: ManifestEntry) => boolean = decaysByDefault,
  factorOf: (entry: ManifestEntry) => number = rateFactorOf,
): TrainableRange[] {
  const ranges: TrainableRange[] = [];
  for (const entry of manifest.entries) {
    if (!entry.trainable || entry.length === 0) continue;
    const end = entry.offset + entry.length;
    const decayed = decays(entry);
    const rateFactor = factorOf(entry);
    const last = ranges.at(-1);
    const joins = last?.end === entry.offset && last.decayed === decayed && last.rateFactor === rateFactor;
    if (joins) ranges[ranges.length - 1] = { ...last, end };
    else ranges.push({ start: entry.offset, end, decayed, rateFactor });
  }
  return ranges;
}

/** Ranges of all trainable values, whatever decays. */
export function trainableSpans(manifest: Manifest): TrainableRange[] {
  return trainableRanges(
    manifest,
    () => true,
    () => 1,
  );
}
