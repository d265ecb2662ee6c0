/**
 * Finds wrong shares when there are too many sites to try every subset: Berlekamp and Welch's decoding of Reed–Solomon
 * codes (US patent 4,633,470, 1986; expired), as shares are the values of one polynomial. With m shares and threshold t
 * it finds up to ⌊(m − t)/2⌋ wrong ones.
 *
 * An error locator E of degree e and Q = P·E satisfy Q(xᵢ) = yᵢ·E(xᵢ) at every share, right or wrong.
 */
import { evaluate, divide, multiply, solve } from './gf256.ts';

export interface Point {
  /** 1…255 */
  readonly x: number;
  readonly y: number;
}

/** Coefficients of the polynomial of degree < `threshold` that all but ⌊(m − t)/2⌋ points lie on, or undefined. */
export function decodePolynomial(points: readonly Point[], threshold: number): Uint8Array | undefined {
  const errors = Math.floor((points.length - threshold) / 2);
  if (errors < 0) return undefined;
  const unknowns = threshold + 2 * errors;
  // Unknown coefficients: Q₀…Q(t+e−1), then E₀…E(e−1); E is monic.
  const rows = points.map(({ x, y }) => {
    const row = new Uint8Array(unknowns + 1);
    let power = 1;
    for (let k = 0; k < threshold + errors; k++) {
      row[k] = power;
      if (k < errors) row[threshold + errors + k] = multiply(y, power);
      if (k === errors) row[unknowns] = multiply(y, power);
      power = multiply(power, x);
    }
    return row;
  });
  const solution = solve(rows, unknowns);
  if (!solution) return undefined;
  const product = solution.slice(0, threshold + errors);
  const locator = Uint8Array.of(...solution.subarray(threshold + errors), 1);
  return exactQuotient(product, locator, threshold);
}

/** dividend / divisor (monic) with `length` coefficients, or undefined when a remainder is left. */
function exactQuotient(dividend: Uint8Array, divisor: Uint8Array, length: number): Uint8Array | undefined {
  const rest = dividend.slice();
  const degree = divisor.length - 1;
  const quotient = new Uint8Array(length);
  for (let k = rest.length - 1 - degree; k >= 0; k--) {
    const factor = divide(rest[k + degree] ?? 0, divisor[degree] ?? 0);
    quotient[k] = factor;
    divisor.forEach((coefficient, j) => {
      rest[k + j] = (rest[k + j] ?? 0) ^ multiply(factor, coefficient);
    });
  }
  return rest.every((value) => value === 0) ? quotient : undefined;
}

export function isOn(polynomial: Uint8Array, { x, y }: Point): boolean {
  return evaluate(polynomial, x) === y;
}
