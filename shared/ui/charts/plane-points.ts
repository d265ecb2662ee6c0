/** Points of curves in a plane, and the one that a pointer means. */

export interface PlaneSeries {
  readonly name: string;
  /** Said beside the name, such as the area under the curve. */
  readonly detail?: string;
  readonly points: readonly (readonly [number, number])[];
  /** One mark a point, 0…1; absent: a line without marks. */
  readonly sizes?: readonly number[];
  /** Said beside a point's values. */
  readonly notes?: readonly string[];
}

export interface NearPoint {
  /** Place among the series. */
  readonly series: number;
  readonly name: string;
  readonly point: readonly [number, number];
  readonly note: string | undefined;
}

interface Plane {
  /** From values to pixels. */
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  /** Farther away in pixels is no point meant. */
  readonly reach: number;
}

export function nearestPoint(
  series: readonly PlaneSeries[],
  pointer: { readonly x: number; readonly y: number },
  { x, y, reach }: Plane,
): NearPoint | undefined {
  let best: NearPoint | undefined;
  let distance = reach;
  series.forEach(({ name, points, notes }, index) => {
    points.forEach((point, i) => {
      const away = Math.hypot(x(point[0]) - pointer.x, y(point[1]) - pointer.y);
      if (away > distance) return;
      distance = away;
      best = { series: index, name, point, note: notes?.[i] };
    });
  });
  return best;
}
