/** What an explanation is: how much each pixel of the model's input speaks for a class. */

export interface Heatmap {
  readonly height: number;
  readonly width: number;
  /** [height, width]; above 0 speaks for the class. The unit is the method's own. */
  readonly values: Float32Array;
}

/** The pixel with the largest value; the first among equals. */
export function peakOf({ values, width }: Heatmap): { readonly row: number; readonly column: number } {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return { row: Math.floor(best / width), column: best % width };
}

/** 0…1: what speaks for the class, relative to the strongest pixel; what speaks against it is 0. @returns [height, width] */
export function relativeEvidence({ values }: Heatmap): Float32Array {
  let largest = 0;
  for (const value of values) if (value > largest) largest = value;
  return largest === 0
    ? new Float32Array(values.length)
    : values.map((value) => Math.max(0, value / largest));
}

/**
 * Bilinear enlargement, pixel centres as anchors: a map of a few cells over the image it was computed from.
 */
export function enlarge(map: Heatmap, height: number, width: number): Heatmap {
  const values = new Float32Array(height * width);
  const rows = anchors(map.height, height);
  const columns = anchors(map.width, width);
  const value = (row: number, column: number): number => map.values[row * map.width + column] ?? 0;
  rows.forEach(({ low, high, share }, row) => {
    columns.forEach((at, column) => {
      const above = value(low, at.low) * (1 - at.share) + value(low, at.high) * at.share;
      const below = value(high, at.low) * (1 - at.share) + value(high, at.high) * at.share;
      values[row * width + column] = above * (1 - share) + below * share;
    });
  });
  return { height, width, values };
}

interface Anchor {
  readonly low: number;
  readonly high: number;
  /** Of `high`, 0…1. */
  readonly share: number;
}

function anchors(from: number, to: number): Anchor[] {
  return Array.from({ length: to }, (_, i) => {
    const position = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(position);
    return { low, high: Math.min(low + 1, from - 1), share: position - low };
  });
}
