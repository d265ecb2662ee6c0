/**
 * Images in memory, as every reader returns them and every consumer takes them: one array of raw intensities,
 * not yet preprocessed.
 */
export interface Dataset {
  /** Where it comes from, for people: "medmnist:breastmnist", "folder:mednist". */
  readonly name: string;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** 1 (grey) or 3 (RGB). */
  readonly channels: 1 | 3;
  /** [count, height, width, channels], row-major, as stored: 0…255 or 0…65535. */
  readonly pixels: Uint8Array | Uint16Array;
  /** [count], each in 0…classNames.length−1. */
  readonly labels: Int32Array;
  readonly classNames: readonly string[];
  /** [count]; images of one patient (or lesion) share one value and never stand on both sides of a split. */
  readonly patients: readonly string[];
  /** [count]; the acquisition site where the data says it. */
  readonly sites?: readonly string[];
  /** Where the data comes with official splits: [count]. */
  readonly officialSplit?: readonly SplitName[];
  /** True for generated images; every output then says so. */
  readonly synthetic: boolean;
}

export type SplitName = 'train' | 'validation' | 'test';

/** Indices into a dataset, ascending, disjoint, patient-respecting. */
export interface Split {
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly test: Int32Array;
}
