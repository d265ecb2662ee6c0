/**
 * Contrast-limited adaptive histogram equalisation: Zuiderveld 1994, "Contrast Limited Adaptive Histogram
 * Equalization", Graphics Gems IV, §VIII.5. Histograms of tiles are clipped, the excess is spread evenly, and each
 * pixel interpolates between the mappings of its four nearest tiles.
 */
export interface ClaheOptions {
  /** Tiles along each axis. */
  readonly tiles: number;
  /** Highest bin as a multiple of the mean bin; 1 leaves the contrast as it is. */
  readonly clipLimit: number;
}

/** Grey levels that are told apart; more than the eye's or an 8-bit screen's bring noise only. */
const BINS = 256;

/** Clips in place and spreads the excess evenly, repeatedly, until little is left over. */
function clipHistogram(histogram: Float64Array, limit: number): void {
  for (let pass = 0; pass < 4; pass++) {
    let excess = 0;
    for (let bin = 0; bin < BINS; bin++) {
      const over = (histogram[bin] ?? 0) - limit;
      if (over > 0) {
        excess += over;
        histogram[bin] = limit;
      }
    }
    if (excess < 1e-9) return;
    for (let bin = 0; bin < BINS; bin++) histogram[bin] = (histogram[bin] ?? 0) + excess / BINS;
  }
}

interface Plane {
  /** [height, width], 0…1. */
  readonly values: Float32Array;
  readonly height: number;
  readonly width: number;
}

const binOf = (value: number): number => Math.min(BINS - 1, Math.max(0, Math.floor(value * BINS)));

/** The mapping bin → 0…1 of the tile (row, column). */
function tileMapping(plane: Plane, options: ClaheOptions, row: number, column: number): Float64Array {
  const { tiles } = options;
  const top = Math.floor((row * plane.height) / tiles);
  const bottom = Math.floor(((row + 1) * plane.height) / tiles);
  const left = Math.floor((column * plane.width) / tiles);
  const right = Math.floor(((column + 1) * plane.width) / tiles);
  const histogram = new Float64Array(BINS);
  for (let y = top; y < bottom; y++)
    for (let x = left; x < right; x++) {
      const bin = binOf(plane.values[y * plane.width + x] ?? 0);
      histogram[bin] = (histogram[bin] ?? 0) + 1;
    }
  const area = (bottom - top) * (right - left);
  clipHistogram(histogram, (options.clipLimit * area) / BINS);
  let sum = 0;
  // The middle of the bin's step, so that a flat histogram is the identity.
  return histogram.map((count) => {
    const value = (sum + count / 2) / area;
    sum += count;
    return value;
  });
}

/** Position between tile centres: the lower tile and the weight of the next. */
function between(
  position: number,
  size: number,
  tiles: number,
): { low: number; high: number; weight: number } {
  const centre = ((position + 0.5) * tiles) / size - 0.5;
  const low = Math.floor(centre);
  return {
    low: Math.max(0, low),
    high: Math.min(tiles - 1, low + 1),
    weight: centre - low,
  };
}

/** Equalises one plane in place. Tiles are at most as many as pixels. */
export function equalizeAdaptively(plane: Plane, wanted: ClaheOptions): void {
  const tiles = Math.max(1, Math.min(wanted.tiles, plane.height, plane.width));
  const options = { tiles, clipLimit: wanted.clipLimit };
  const mappings = Array.from({ length: tiles * tiles }, (_, i) =>
    tileMapping(plane, options, Math.floor(i / tiles), i % tiles),
  );
  for (let y = 0; y < plane.height; y++) {
    const vertical = between(y, plane.height, tiles);
    for (let x = 0; x < plane.width; x++) {
      const horizontal = between(x, plane.width, tiles);
      const bin = binOf(plane.values[y * plane.width + x] ?? 0);
      const mapped = (row: number, column: number): number => mappings[row * tiles + column]?.[bin] ?? 0;
      const upper =
        mapped(vertical.low, horizontal.low) * (1 - horizontal.weight) +
        mapped(vertical.low, horizontal.high) * horizontal.weight;
      const lower =
        mapped(vertical.high, horizontal.low) * (1 - horizontal.weight) +
        mapped(vertical.high, horizontal.high) * horizontal.weight;
      plane.values[y * plane.width + x] = upper * (1 - vertical.weight) + lower * vertical.weight;
    }
  }
}
