/**
 * What the phantoms show: a thorax of soft ellipses with ribs, lung texture and the sign of the class.
 * Coordinates: the image spans −1…1 in both axes, y downwards. Intensities: 0 black, 1 white.
 */
import type { Rng } from '../rng.ts';
import { between, type PhantomSite } from './phantom-scanner.ts';
import { at } from './select.ts';

export const PHANTOM_CLASSES = ['normal', 'nodule', 'effusion'] as const;

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

export interface Patient {
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

export function makePatient(rng: Rng, sites: readonly PhantomSite[]): Patient {
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

/** How the patient stands before the detector. */
export interface View {
  readonly shiftX: number;
  readonly shiftY: number;
  readonly zoom: number;
  readonly ribPhase: number;
}

/**
 * The ideal radiograph, [size, size], before the scanner.
 * @param signOut [size, size]: receives how much of each pixel's intensity is the sign of the class
 */
export function drawAnatomy(
  patient: Patient,
  view: View,
  out: Float32Array,
  size: number,
  signOut?: Float32Array,
): void {
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
        const shadow = sign(x, y, shares);
        air = Math.min(air + 0.035 * rib + shadow, Math.max(air, 0.72));
        value += (air - value) * lung;
        if (signOut) signOut[row * size + column] = shadow * lung;
      }
      const heart = inside(patient.heart, x, y, 4) * 0.85;
      value += (0.72 - value) * heart;
      if (signOut) signOut[row * size + column] = (signOut[row * size + column] ?? 0) * (1 - heart);
      out[row * size + column] = value;
    }
  }
}
