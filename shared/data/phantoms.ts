/**
 * Synthetic chest radiographs: the embedded dataset, for demonstrations and tests where no real image is at hand.
 * Never evidence of anything clinical; `synthetic` is set and every output says so.
 *
 * Anatomy is a few soft ellipses (thorax, lungs, heart) with ribs and a random lung texture, all jittered per patient.
 * The signs are small or may lie anywhere, and the mean brightness of lungs varies by more than a sign adds, so
 * that no fixed weighting of pixels finds them: a linear model stays far below a small CNN. Each site has its own
 * scanner (contrast, gamma, noise, resolution, field of view) and its own mix of classes.
 */
import { InputError } from '../errors.ts';
import { createRng, deriveSeed, type Rng } from '../rng.ts';
import type { Dataset } from './dataset.ts';
import { at } from './select.ts';

export const PHANTOM_CLASSES = ['normal', 'nodule', 'effusion'] as const;

export interface PhantomOptions {
  /** Images in total. Default 3000. */
  readonly count?: number;
  /** Side of the square images in pixels, 16…512. Default 28. */
  readonly size?: number;
  /** Virtual hospitals, 1…100. Default 5. */
  readonly sites?: number;
  readonly seed: number;
}

/** One hospital's scanner and patients. */
interface Site {
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

interface Ellipse {
  readonly x: number;
  readonly y: number;
  readonly radiusX: number;
  readonly radiusY: number;
}

interface Wave {
  readonly kx: number;
  readonly ky: number;
  readonly phase: number;
  readonly amplitude: number;
}

/** Coordinates: the image spans −1…1 in both axes, y downwards. Intensities: 0 black, 1 white. */
interface Patient {
  readonly label: number;
  readonly site: number;
  readonly thorax: Ellipse;
  readonly lungs: readonly [Ellipse, Ellipse];
  readonly heart: Ellipse;
  readonly ribSpacing: number;
  readonly lungLevel: number;
  readonly texture: readonly Wave[];
  /** Which lung has the sign, and where in it (polar, of the ellipse). */
  readonly side: 0 | 1;
  readonly angle: number;
  readonly radius: number;
  readonly extent: number;
  readonly strength: number;
}

const between = (rng: Rng, low: number, high: number): number => low + (high - low) * rng.uniform();

function makeSite(seed: number, index: number): Site {
  const rng = createRng(deriveSeed('phantom-site', seed, index));
  // Squares of uniforms spread the mixes: some sites see a class three times as often as another.
  const weights = PHANTOM_CLASSES.map(() => 0.25 + rng.uniform() ** 2);
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

function makeTexture(rng: Rng): Wave[] {
  return Array.from({ length: 5 }, (_, i) => {
    const frequency = between(rng, 2, 6 + 2 * i);
    const direction = between(rng, 0, Math.PI);
    return {
      kx: frequency * Math.cos(direction),
      ky: frequency * Math.sin(direction),
      phase: between(rng, 0, 2 * Math.PI),
      amplitude: between(rng, 0.01, 0.045),
    };
  });
}

function makePatient(rng: Rng, sites: readonly Site[]): Patient {
  const site = rng.integer(sites.length);
  const draw = rng.uniform();
  const label = Math.max(
    0,
    at(sites, site).classLimits.findIndex((limit) => draw < limit),
  );
  const middle = between(rng, -0.09, 0.09);
  const height = between(rng, -0.16, 0.16);
  const lung = (side: -1 | 1): Ellipse => ({
    x: middle + side * between(rng, 0.38, 0.46),
    y: height - 0.02,
    radiusX: between(rng, 0.25, 0.33),
    radiusY: between(rng, 0.52, 0.68),
  });
  return {
    label,
    site,
    thorax: {
      x: middle,
      y: height + 0.15,
      radiusX: between(rng, 0.85, 0.98),
      radiusY: between(rng, 1.05, 1.3),
    },
    lungs: [lung(-1), lung(1)],
    heart: {
      x: middle + 0.12,
      y: height + 0.25,
      radiusX: between(rng, 0.2, 0.3),
      radiusY: between(rng, 0.25, 0.35),
    },
    ribSpacing: between(rng, 0.17, 0.23),
    lungLevel: between(rng, 0.14, 0.38),
    texture: makeTexture(rng),
    side: rng.integer(2) === 0 ? 0 : 1,
    angle: between(rng, 0, 2 * Math.PI),
    radius: Math.sqrt(rng.uniform()),
    extent: rng.uniform(),
    strength: rng.uniform(),
  };
}

/** 1 inside, 0 outside, with a soft edge; `sharpness` is the slope over the normalised radius. */
function inside(ellipse: Ellipse, x: number, y: number, sharpness: number): number {
  const dx = (x - ellipse.x) / ellipse.radiusX;
  const dy = (y - ellipse.y) / ellipse.radiusY;
  const depth = (1 - Math.sqrt(dx * dx + dy * dy)) * sharpness;
  return depth <= -0.5 ? 0 : depth >= 0.5 ? 1 : depth + 0.5;
}

type Sign = (x: number, y: number, lungShare: readonly [number, number]) => number;

/** A round shadow anywhere in the lungs, two to four pixels wide at 28 pixels. */
function noduleSign(patient: Patient): Sign {
  const lung = patient.lungs[patient.side];
  const centreX = lung.x + 0.8 * lung.radiusX * patient.radius * Math.cos(patient.angle);
  const centreY = lung.y + 0.8 * lung.radiusY * patient.radius * Math.sin(patient.angle);
  const sigma = 0.09 + 0.04 * patient.extent;
  const contrast = 0.5 + 0.2 * patient.strength;
  return (x, y) => {
    const squared = ((x - centreX) ** 2 + (y - centreY) ** 2) / (2 * sigma * sigma);
    return squared > 8 ? 0 : contrast * Math.exp(-squared);
  };
}

/** Fluid at the base of one lung under a curved edge (meniscus) that rises towards the chest wall. */
function effusionSign(patient: Patient): Sign {
  const { side } = patient;
  const lung = patient.lungs[side];
  const level = lung.y + lung.radiusY * (0.45 - 0.45 * patient.extent);
  const outwards = side === 0 ? -1 : 1;
  const contrast = 0.28 + 0.15 * patient.strength;
  return (x, y, share) => {
    const lateral = (outwards * (x - lung.x)) / lung.radiusX;
    const depth = (y - level + 0.18 * lateral) * 9;
    return contrast * share[side] * Math.min(1, Math.max(0, depth));
  };
}

function signOf(patient: Patient): Sign {
  switch (at(PHANTOM_CLASSES, patient.label)) {
    case 'nodule':
      return noduleSign(patient);
    case 'effusion':
      return effusionSign(patient);
    case 'normal':
      return () => 0;
  }
}

interface View {
  readonly shiftX: number;
  readonly shiftY: number;
  readonly zoom: number;
  readonly ribPhase: number;
}

/** The ideal radiograph, [size, size], before the scanner. */
function drawAnatomy(patient: Patient, view: View, out: Float32Array, size: number): void {
  const sign = signOf(patient);
  const [left, right] = patient.lungs;
  for (let row = 0; row < size; row++) {
    const y = ((2 * row + 1) / size - 1) / view.zoom + view.shiftY;
    for (let column = 0; column < size; column++) {
      const x = ((2 * column + 1) / size - 1) / view.zoom + view.shiftX;
      const body = inside(patient.thorax, x, y, 6);
      const shares: readonly [number, number] = [inside(left, x, y, 4), inside(right, x, y, 4)];
      const lung = Math.max(shares[0], shares[1]);
      let value = 0.05 + 0.6 * body;
      if (lung > 0) {
        let air = patient.lungLevel;
        for (const wave of patient.texture)
          air += wave.amplitude * Math.cos(wave.kx * x + wave.ky * y + wave.phase);
        const rib = Math.cos(
          (2 * Math.PI * (y + 0.35 * (x - patient.heart.x) ** 2)) / patient.ribSpacing + view.ribPhase,
        );
        // No sign is brighter than soft tissue would be.
        air = Math.min(air + 0.035 * rib + sign(x, y, shares), Math.max(air, 0.72));
        value += (air - value) * lung;
      }
      value += (0.72 - value) * inside(patient.heart, x, y, 4) * 0.85;
      out[row * size + column] = value;
    }
  }
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
function scan(image: Float32Array, options: { size: number; site: Site; rng: Rng; out: Uint8Array }): void {
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

/** A second image of the same patient follows in a quarter of the cases. */
const SECOND_IMAGE_PROBABILITY = 0.25;

interface Resolved {
  readonly count: number;
  readonly size: number;
  readonly sites: number;
  readonly seed: number;
}

function resolve(options: PhantomOptions): Resolved {
  const { count = 3000, size = 28, sites = 5, seed } = options;
  const check = (name: string, value: number, range: readonly [number, number]): void => {
    if (!Number.isInteger(value) || value < range[0] || value > range[1])
      throw new InputError(
        `phantoms: ${name} is ${String(value)}; give ${String(range[0])} to ${String(range[1])}`,
      );
  };
  check('count', count, [1, 1_000_000]);
  check('size', size, [16, 512]);
  check('sites', sites, [1, 100]);
  return { count, size, sites, seed };
}

/**
 * Seeded phantoms: the same options give the same bytes. Image i depends on neither `count` nor the images after it.
 * @throws InputError for a count, size or number of sites out of range.
 */
export function makePhantoms(options: PhantomOptions): Dataset {
  const { count, size, sites: siteCount, seed } = resolve(options);
  const sites = Array.from({ length: siteCount }, (_, i) => makeSite(seed, i));
  const pixels = new Uint8Array(count * size * size);
  const labels = new Int32Array(count);
  const patients: string[] = [];
  const siteNames: string[] = [];
  const canvas = new Float32Array(size * size);
  for (let person = 0; patients.length < count; person++) {
    const rng = createRng(deriveSeed('phantom-patient', seed, person));
    const patient = makePatient(rng, sites);
    const site = at(sites, patient.site);
    const images = rng.uniform() < SECOND_IMAGE_PROBABILITY ? 2 : 1;
    for (let k = 0; k < images && patients.length < count; k++) {
      const i = patients.length;
      const view = {
        shiftX: between(rng, -0.08, 0.08),
        shiftY: between(rng, -0.08, 0.08),
        zoom: site.zoom * between(rng, 0.95, 1.05),
        ribPhase: between(rng, 0, 2 * Math.PI),
      };
      drawAnatomy(patient, view, canvas, size);
      scan(canvas, { size, site, rng, out: pixels.subarray(i * size * size, (i + 1) * size * size) });
      labels[i] = patient.label;
      patients.push(`phantom ${String(person)}`);
      siteNames.push(site.name);
    }
  }
  return {
    name: 'phantoms (synthetic)',
    count,
    height: size,
    width: size,
    channels: 1,
    pixels,
    labels,
    classNames: PHANTOM_CLASSES,
    patients,
    sites: siteNames,
    synthetic: true,
  };
}
