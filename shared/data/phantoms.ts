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
import { createRng, deriveSeed } from '../rng.ts';
import type { Dataset } from './dataset.ts';
import { drawAnatomy, makePatient, PHANTOM_CLASSES } from './phantom-anatomy.ts';
import { between, makeSite, scan } from './phantom-scanner.ts';
import { at } from './select.ts';

export interface PhantomOptions {
  /** Images in total. Default 3000. */
  readonly count?: number;
  /** Side of the square images in pixels, 16…512. Default 28. */
  readonly size?: number;
  /** Virtual hospitals, 1…100. Default 5. */
  readonly sites?: number;
  readonly seed: number;
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
  return drawPhantoms(options);
}

export interface MarkedPhantoms {
  /** Those of `makePhantoms`. */
  readonly dataset: Dataset;
  /** [count][size·size]: 1 where the sign of the class is seen, 0 elsewhere; all 0 for class "normal". */
  readonly marks: readonly Uint8Array[];
}

/** Phantoms with where their signs lie, to judge explanations by. @throws InputError as `makePhantoms`. */
export function makeMarkedPhantoms(options: PhantomOptions): MarkedPhantoms {
  const marks: Uint8Array[] = [];
  const dataset = drawPhantoms(options, (sign) => marks.push(markOf(sign)));
  return { dataset, marks };
}

/** Of the strongest shadow: a nodule's Gaussian is then marked to 1.4 standard deviations, where it is well visible. */
const MARKED_SHARE = 3 / 8;

function markOf(sign: Float32Array): Uint8Array {
  const limit = MARKED_SHARE * sign.reduce((largest, value) => Math.max(largest, value), 0);
  return Uint8Array.from(sign, (value) => (value > limit ? 1 : 0));
}

function drawPhantoms(options: PhantomOptions, onSign?: (sign: Float32Array) => void): Dataset {
  const { count, size, sites: siteCount, seed } = resolve(options);
  const sites = Array.from({ length: siteCount }, (_, i) => makeSite(seed, i, PHANTOM_CLASSES.length));
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
      const sign = onSign && new Float32Array(size * size);
      drawAnatomy(patient, view, canvas, size, sign);
      if (sign) onSign(sign);
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
