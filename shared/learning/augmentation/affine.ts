/**
 * Rotation, shift, zoom and flips as one map of coordinates, sampled once by bilinear interpolation: an image is
 * smoothed once, not once for each of them. Outside the image the nearest edge pixel is repeated, because a
 * constant would mean another intensity in every preprocessing.
 */

/** Source coordinates of an output pixel: (xx·x + xy·y + x0, yx·x + yy·y + y0). */
export interface AffineMap {
  readonly xx: number;
  readonly xy: number;
  readonly x0: number;
  readonly yx: number;
  readonly yy: number;
  readonly y0: number;
}

export interface Geometry {
  /** Counter-clockwise as seen on the screen (rows run downwards). */
  readonly rotationRadians: number;
  /** To the right and downwards, in pixels. */
  readonly shiftX: number;
  readonly shiftY: number;
  /** Above 1 the content grows. */
  readonly zoom: number;
  readonly flipLeftRight: boolean;
  readonly flipUpDown: boolean;
}

export interface PlaneSize {
  readonly height: number;
  readonly width: number;
}

/** The inverse map of: flip, then zoom, then rotate, all about the centre, then shift. */
export function inverseAffine(geometry: Geometry, size: PlaneSize): AffineMap {
  const centreX = (size.width - 1) / 2;
  const centreY = (size.height - 1) / 2;
  const cosine = Math.cos(geometry.rotationRadians) / geometry.zoom;
  const sine = Math.sin(geometry.rotationRadians) / geometry.zoom;
  const signX = geometry.flipLeftRight ? -1 : 1;
  const signY = geometry.flipUpDown ? -1 : 1;
  const fromX = centreX + geometry.shiftX;
  const fromY = centreY + geometry.shiftY;
  return {
    xx: signX * cosine,
    xy: -signX * sine,
    x0: centreX - signX * (cosine * fromX - sine * fromY),
    yx: signY * sine,
    yy: signY * cosine,
    y0: centreY - signY * (sine * fromX + cosine * fromY),
  };
}

export function isIdentity(geometry: Geometry): boolean {
  const { rotationRadians, shiftX, shiftY, zoom, flipLeftRight, flipUpDown } = geometry;
  const still = rotationRadians === 0 && shiftX === 0 && shiftY === 0 && zoom === 1;
  return still && !flipLeftRight && !flipUpDown;
}

/**
 * Writes `source` [channels, height, width] seen through `map` into `target` of the same size. The two may not overlap.
 * The coordinates of a pixel are worked out once for all channels.
 */
export function sampleAffine(
  source: Float32Array,
  target: Float32Array,
  size: PlaneSize,
  map: AffineMap,
): void {
  const { height, width } = size;
  const plane = height * width;
  const lastX = width - 1;
  const lastY = height - 1;
  for (let y = 0; y < height; y++) {
    let sourceX = map.xy * y + map.x0;
    let sourceY = map.yy * y + map.y0;
    for (let x = 0; x < width; x++, sourceX += map.xx, sourceY += map.yx) {
      const clampedX = sourceX < 0 ? 0 : sourceX > lastX ? lastX : sourceX;
      const clampedY = sourceY < 0 ? 0 : sourceY > lastY ? lastY : sourceY;
      const left = clampedX | 0;
      const top = clampedY | 0;
      const partX = clampedX - left;
      const partY = clampedY - top;
      const right = left < lastX ? 1 : 0;
      const below = top < lastY ? width : 0;
      let from = top * width + left;
      for (let to = y * width + x; to < target.length; to += plane, from += plane) {
        const a = source[from] ?? 0;
        const b = source[from + right] ?? 0;
        const c = source[from + below] ?? 0;
        const d = source[from + below + right] ?? 0;
        const upper = a + partX * (b - a);
        const lower = c + partX * (d - c);
        target[to] = upper + partY * (lower - upper);
      }
    }
  }
}
