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
 * Lagrange interpolation through the coordinates `xs` in barycentric form (Berrut and Trefethen 2004, SIAM Review 46(3),
 * §3): what depends on the coordinates alone is computed once. Gives for `at`, which is none of them, the weights w with
 * P(at) = Σ wᵢ·P(xᵢ) for every polynomial of degree < xs.length. @throws InvariantError unless the coordinates differ
 */
export function lagrangeThrough(xs: Uint8Array): (at: number) => Uint8Array {
  const barycentric = xs.map((x, i) => {
    let product = 1;
    for (let j = 0; j < xs.length; j++) if (j !== i) product = multiply(product, x ^ (xs[j] ?? 0));
    return divide(1, product);
  });
  return (at) => {
    let node = 1;
    for (const x of xs) node = multiply(node, at ^ x);
    return barycentric.map((weight, i) => multiply(weight, divide(node, at ^ (xs[i] ?? 0))));
  };
}

/** Value of the polynomial with these coefficients, the constant first. */
export function evaluate(coefficients: Uint8Array, x: number): number {
  return coefficients.reduceRight((sum, coefficient) => multiply(sum, x) ^ coefficient, 0);
}

/**
 * Some solution of a linear system, free unknowns being 0; undefined when there is none. `rows`: the coefficients of each
 * equation and, last, its right side; overwritten.
 */
export function solve(rows: readonly Uint8Array[], unknowns: number): Uint8Array | undefined {
  const pivots: number[] = [];
  for (let column = 0; column < unknowns; column++) {
    const rank = pivots.length;
    const found = rows.findIndex((row, index) => index >= rank && row[column] !== 0);
    const [pivot, top] = [rows[found], rows[rank]];
    if (!pivot || !top) continue;
    swapRows(pivot, top);
    const inverse = divide(1, top[column] ?? 0);
    for (let k = column; k <= unknowns; k++) top[k] = multiply(top[k] ?? 0, inverse);
    for (const row of rows) if (row !== top) eliminate(row, top, column);
    pivots.push(column);
  }
  if (rows.slice(pivots.length).some((row) => row[unknowns] !== 0)) return undefined;
  const solution = new Uint8Array(unknowns);
  pivots.forEach((column, index) => {
    solution[column] = rows[index]?.[unknowns] ?? 0;
  });
  return solution;
}

function swapRows(a: Uint8Array, b: Uint8Array): void {
  if (a === b) return;
  const held = a.slice();
  a.set(b);
  b.set(held);
}

function eliminate(row: Uint8Array, pivot: Uint8Array, column: number): void {
  const factor = row[column] ?? 0;
  if (factor === 0) return;
  for (let k = column; k < row.length; k++) row[k] = (row[k] ?? 0) ^ multiply(factor, pivot[k] ?? 0);
}
