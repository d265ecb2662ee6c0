/** Derivatives of a scalar function by central differences in float64. */

/**
 * The gradient of `f` at `point`. The step balances the truncation error, of order step², against the rounding error,
 * of order 1e-16/step: at 1e-5 both stay near 1e-10 for functions and arguments of order 1.
 */
export function finiteDifferences(
  f: (point: Float64Array) => number,
  point: Float64Array,
  step = 1e-5,
): Float64Array {
  const moved = point.slice();
  return point.map((value, i) => {
    moved[i] = value + step;
    const above = f(moved);
    moved[i] = value - step;
    const below = f(moved);
    moved[i] = value;
    return (above - below) / (2 * step);
  });
}
