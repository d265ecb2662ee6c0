/**
 * The quality gate: images that cannot teach anything are left out, with the reason, before anything is counted.
 * The limits are loose on purpose: of BreastMNIST, PneumoniaMNIST and HAM10000 no image is rejected, of MedNIST's 6000
 * only eleven of HeadCT, nine of which are of a single grey.
 */
import type { Dataset } from './dataset.ts';
import { selectImages } from './select.ts';

/** A file or image that is not used, and why. `file` never leaves the site. */
export interface Rejection {
  readonly file: string;
  readonly reason: string;
}

/** Fewer pixels a side hold no anatomy; MedMNIST's 28 are the least that anyone publishes. */
export const MIN_SIDE = 16;
/** Share of the range below which a picture is flat: one grey step of 8 bits, that is rounding and no more. */
const BLANK_STD_DEV = 1 / 255;
/** Burnt-out exposures are nearly all white; the brightest real images of the four sets stay below a half. */
const MAX_WHITE_SHARE = 0.95;
/** A thin slice may show little tissue on black; what is left below this share is a marker or noise. */
const MAX_BLACK_SHARE = 0.995;

const percent = (share: number): string => `${String(Math.round(share * 1000) / 10)} %`;

/** Why an image is of no use, or undefined when it is. `pixels`: all samples of one image. */
export function qualityProblem(pixels: Uint8Array | Uint16Array): string | undefined {
  const white = pixels instanceof Uint16Array ? 65_535 : 255;
  let sum = 0;
  let squares = 0;
  let whites = 0;
  let blacks = 0;
  for (const value of pixels) {
    sum += value;
    squares += value * value;
    if (value === white) whites++;
    else if (value === 0) blacks++;
  }
  const count = pixels.length;
  const mean = sum / count;
  const stdDev = Math.sqrt(Math.max(0, squares / count - mean * mean)) / white;
  if (stdDev < BLANK_STD_DEV) return 'blank (all pixels are nearly equal)';
  if (whites / count > MAX_WHITE_SHARE)
    return `saturated (${percent(whites / count)} of the pixels are white)`;
  if (blacks / count > MAX_BLACK_SHARE) return `empty (${percent(blacks / count)} of the pixels are black)`;
  return undefined;
}

/** Why an image of this original size is of no use, or undefined. */
export function sizeProblem(width: number, height: number): string | undefined {
  if (Math.min(width, height) >= MIN_SIDE) return undefined;
  return `tiny (${String(width)}×${String(height)} pixels; at least ${String(MIN_SIDE)} a side are needed)`;
}

/** The dataset without unusable images, and what was left out. The same object when nothing was. */
export function applyQualityGate(dataset: Dataset): { dataset: Dataset; rejected: readonly Rejection[] } {
  const size = dataset.height * dataset.width * dataset.channels;
  const tiny = sizeProblem(dataset.width, dataset.height);
  const kept: number[] = [];
  const rejected: Rejection[] = [];
  for (let i = 0; i < dataset.count; i++) {
    const reason = tiny ?? qualityProblem(dataset.pixels.subarray(i * size, (i + 1) * size));
    if (reason === undefined) kept.push(i);
    else rejected.push({ file: `${dataset.name}, image ${String(i)}`, reason });
  }
  return { dataset: rejected.length === 0 ? dataset : selectImages(dataset, kept), rejected };
}
