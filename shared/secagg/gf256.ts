/**
 * GF(2⁸) with x⁸ + x⁴ + x³ + x + 1 (the field of FIPS 197 §4), by logarithms to base 3. Table look-ups depend on the operands:
 * only for values that whoever computes may know.
 */
import { InvariantError } from '../errors.ts';

const EXPONENTS = new Uint8Array(510);
const LOGARITHMS = new Uint8Array(256);

let power = 1;
for (let i = 0; i < 255; i++) {
  EXPONENTS[i] = power;
  EXPONENTS[i + 255] = power;
  LOGARITHMS[power] = i;
  // Times 3: times 2, reduced, plus itself.
  power ^= (power << 1) ^ (power & 0x80 ? 0x11b : 0);
}

export function multiply(a: number, b: number): number {
  if (a === 0 || b === 0) return 0;
  return EXPONENTS[(LOGARITHMS[a] ?? 0) + (LOGARITHMS[b] ?? 0)] ?? 0;
}

/** @throws InvariantError for a zero divisor */
export function divide(a: number, b: number): number {
  if (b === 0) throw new InvariantError('division by zero in GF(256)');
  if (a === 0) return 0;
  return EXPONENTS[(LOGARITHMS[a] ?? 0) + 255 - (LOGARITHMS[b] ?? 0)] ?? 0;
}

/**
 * Lagrange interpolation at 0 through the coordinates `xs`, none of them 0: the weights w with P(0) = Σ wᵢ·P(xᵢ) for every
 * polynomial of degree < xs.length. @throws InvariantError unless the coordinates differ
 */
export function lagrangeAtZero(xs: Uint8Array): Uint8Array {
  return xs.map((x, i) => {
    let above = 1;
    let below = 1;
    for (let j = 0; j < xs.length; j++) {
      if (j === i) continue;
      const other = xs[j] ?? 0;
      above = multiply(above, other);
      below = multiply(below, x ^ other);
    }
    return divide(above, below);
  });
}
