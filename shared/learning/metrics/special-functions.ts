/**
 * Distribution functions behind intervals and tests: Student's t and the normal.
 *
 * Incomplete beta by its continued fraction (DLMF 8.17.22) with the modified Lentz method; ln Γ by Lanczos 1964 (g = 7);
 * erfc by its series and continued fraction (DLMF 7.6.2, 7.9.1). Relative errors are below 10⁻¹² in the ranges used.
 */

/** Coefficients of the Lanczos approximation for g = 7, nine terms (Godfrey 2001). */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln Γ(x), x > 0. */
export function logGamma(x: number): number {
  const z = x - 1;
  const series = LANCZOS.reduce((total, c, i) => (i === 0 ? c : total + c / (z + i)), 0);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(series);
}

/** Regularised incomplete beta function I_x(a, b), a and b > 0, x in 0…1. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  // The fraction converges fast on this side of the mean; the other side follows by symmetry.
  return x < (a + 1) / (a + b + 2)
    ? (front / a) * betaFraction(x, a, b)
    : 1 - (front / b) * betaFraction(1 - x, b, a);
}

const MAX_TERMS = 500;
const TINY = 1e-300;

function betaFraction(x: number, a: number, b: number): number {
  const kept = (value: number): number => (Math.abs(value) < TINY ? TINY : value);
  let c = 1;
  let d = 1 / kept(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m <= MAX_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let factor = 1;
    for (const term of [even, odd]) {
      d = 1 / kept(1 + term * d);
      c = kept(1 + term / c);
      factor = c * d;
      result *= factor;
    }
    if (Math.abs(factor - 1) < Number.EPSILON) break;
  }
  return result;
}

/** P(|T| ≥ |t|) for Student's t. @param degreesOfFreedom > 0 */
export function studentTwoSided(t: number, degreesOfFreedom: number): number {
  return incompleteBeta(degreesOfFreedom / (degreesOfFreedom + t * t), degreesOfFreedom / 2, 0.5);
}

/** The t with P(|T| ≥ t) = 1 − confidence, by bisection of the exact distribution. @param confidence In (0, 1). */
export function studentQuantile(confidence: number, degreesOfFreedom: number): number {
  const tail = 1 - confidence;
  let high = 1;
  while (studentTwoSided(high, degreesOfFreedom) > tail) high *= 2;
  let low = 0;
  for (let middle = high / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (studentTwoSided(middle, degreesOfFreedom) > tail) low = middle;
    else high = middle;
  }
  return high;
}

/** P(|Z| ≥ |z|) for the standard normal. */
export function normalTwoSided(z: number): number {
  return erfc(Math.abs(z) / Math.SQRT2);
}

/** The z with P(|Z| ≥ z) = 0.05. */
export const NORMAL_95 = 1.959963984540054;

/** Complementary error function, x ≥ 0. */
export function erfc(x: number): number {
  const scale = Math.exp(-x * x) / Math.sqrt(Math.PI);
  if (x < 2) {
    let term = 2 * x;
    let total = term;
    for (let n = 1; term > total * Number.EPSILON; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      total += term;
    }
    return 1 - scale * total;
  }
  let fraction = x;
  for (let n = 100; n >= 1; n--) fraction = x + n / 2 / fraction;
  return scale / fraction;
}
