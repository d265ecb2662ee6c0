/** The virtual hospitals of the phantoms: each has its own scanner and its own mix of classes. */
import { createRng, deriveSeed, type Rng } from '../rng.ts';

/** One hospital's scanner and patients. */
export interface PhantomSite {
  readonly name: string;
  readonly gain: number;
  readonly offset: number;
  readonly gamma: number;
  readonly noiseStdDev: number;
  /** Pixels of a 28-pixel image. */
  readonly blurSigma: number;
  /** Below 1 the body fills less of the image. */
  readonly zoom: number;
  /** Cumulative probabilities of the classes. */
  readonly classLimits: readonly number[];
}

/** Uniform in [low, high). */
export const between = (rng: Rng, low: number, high: number): number => low + (high - low) * rng.uniform();

/** The hospital `index`; the mixes are over `classCount` classes. */
export function makeSite(seed: number, index: number, classCount: number): PhantomSite {
  const rng = createRng(deriveSeed('phantom-site', seed, index));
  // Squares of uniforms spread the mixes: some sites see a class three times as often as another.
  const weights = Array.from({ length: classCount }, () => 0.25 + rng.uniform() ** 2);
  const total = weights.reduce((a, b) => a + b, 0);
  let sum = 0;
  return {
    name: `hospital ${String(index + 1)}`,
    gain: between(rng, 0.75, 1.15),
    offset: between(rng, -0.05, 0.1),
    gamma: between(rng, 0.75, 1.35),
    noiseStdDev: between(rng, 0.012, 0.035),
    blurSigma: between(rng, 0, 0.6),
    zoom: between(rng, 0.9, 1.08),
    classLimits: weights.map((weight) => (sum += weight / total)),
  };
}

function blurKernel(sigma: number): number[] {
  const reach = Math.max(1, Math.ceil(2.5 * sigma));
  const taps = Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * sigma * sigma)),
  );
  const total = taps.reduce((a, b) => a + b, 0);
  return taps.map((tap) => tap / total);
}

/** Convolution along one axis with repeated edges; `step` is the distance of neighbours, `across` of lines. */
function blurLines(
  image: Float32Array,
  size: number,
  kernel: readonly number[],
  axis: 'row' | 'column',
): void {
  const step = axis === 'row' ? 1 : size;
  const across = axis === 'row' ? size : 1;
  const reach = (kernel.length - 1) / 2;
  const line = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) line[j] = image[i * across + j * step] ?? 0;
    for (let j = 0; j < size; j++) {
      let sum = 0;
      for (let k = 0; k < kernel.length; k++)
        sum += (kernel[k] ?? 0) * (line[Math.min(size - 1, Math.max(0, j + k - reach))] ?? 0);
      image[i * across + j * step] = sum;
    }
  }
}

/** The scanner of the site: resolution, response curve, noise, 8 bits. */
export function scan(
  image: Float32Array,
  options: { size: number; site: PhantomSite; rng: Rng; out: Uint8Array },
): void {
  const { size, site, rng, out } = options;
  const sigma = (site.blurSigma * size) / 28;
  if (sigma > 0.2) {
    const kernel = blurKernel(sigma);
    blurLines(image, size, kernel, 'row');
    blurLines(image, size, kernel, 'column');
  }
  const gain = site.gain * between(rng, 0.9, 1.1);
  const offset = site.offset + between(rng, -0.04, 0.04);
  for (let i = 0; i < out.length; i++) {
    const exposed = Math.max(0, (image[i] ?? 0) * gain + offset) ** site.gamma;
    out[i] = Math.min(255, Math.max(0, Math.round(255 * (exposed + site.noiseStdDev * rng.normal()))));
  }
}
