/** Fewer points for the same drawing: Ramer 1972, Douglas and Peucker 1973, with vertical and horizontal distance. */
import type { CurvePoint } from './evaluation.ts';

/**
 * Keeps the ends and, coarsest features first, the points that the curve bends at.
 * @param points Monotone in x, in the unit square.
 * @returns At most `limit` of the points (limit ≥ 2), in order; points on a straight line between kept ones are dropped.
 */
export function thinCurve(points: readonly CurvePoint[], limit: number): CurvePoint[] {
  const last = points.length - 1;
  if (last < 2) return [...points];
  const kept = new Set([0, last]);
  const open = [widest(points, 0, last)];
  while (kept.size < limit) {
    const next = open.reduce<Bend | undefined>(
      (best, bend) => (bend.distance > (best?.distance ?? NEGLIGIBLE) ? bend : best),
      undefined,
    );
    if (next === undefined) break;
    open.splice(open.indexOf(next), 1, widest(points, next.from, next.at), widest(points, next.at, next.to));
    kept.add(next.at);
  }
  return points.filter((_, i) => kept.has(i));
}

/** Distances in the unit square below this are rounding. */
const NEGLIGIBLE = 1e-9;

interface Bend {
  readonly from: number;
  readonly to: number;
  readonly at: number;
  readonly distance: number;
}

/** The point between two others that is farthest from their chord. */
function widest(points: readonly CurvePoint[], from: number, to: number): Bend {
  const [x0, y0] = points[from] ?? [0, 0];
  const [x1, y1] = points[to] ?? [0, 0];
  const length = Math.hypot(x1 - x0, y1 - y0);
  let best: Bend = { from, to, at: from, distance: 0 };
  for (let at = from + 1; at < to; at++) {
    const [x, y] = points[at] ?? [0, 0];
    const distance =
      length > 0
        ? Math.abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) / length
        : Math.hypot(x - x0, y - y0);
    if (distance > best.distance) best = { from, to, at, distance };
  }
  return best;
}
