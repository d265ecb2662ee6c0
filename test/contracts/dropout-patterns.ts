/** Who drops where: every way in which at most n − t of n sites can go, at each of the ten moments of a round. */
import type { SiteMessage } from '../../shared/protocol/messages.ts';
import type { DropPoint } from './secagg-world.ts';

const ANSWERS = [
  'advertise',
  'shares',
  'update',
  'consistent',
  'unmasked',
] as const satisfies readonly SiteMessage['type'][];

/** In the order of a round: at a phase (nothing of the answer gets out) and between two (it has arrived). */
export const POINTS = ANSWERS.flatMap((type): DropPoint[] => [`before ${type}`, `after ${type}`]);

/** From here on the update of a site that goes is in the sum. */
const IN_THE_SUM = POINTS.indexOf('after update');
export const isInSum = (point: DropPoint): boolean => POINTS.indexOf(point) >= IN_THE_SUM;

export interface Federation {
  readonly sites: number;
  readonly threshold: number;
}

/** The moment at which each of the sites that drop does so, by name. */
export type DropPattern = Readonly<Record<string, DropPoint>>;

export const namesOf = (count: number): readonly string[] => ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, count);

/** All of them, from nobody on: Σ over k ≤ n − t of C(n, k)·10ᵏ. */
export function dropPatterns({ sites, threshold }: Federation): readonly DropPattern[] {
  const extend = (names: readonly string[], left: number): DropPattern[] => {
    const [first, ...rest] = names;
    if (first === undefined) return [{}];
    const stays = extend(rest, left);
    if (left === 0) return stays;
    const fewer = extend(rest, left - 1);
    return [...stays, ...POINTS.flatMap((point) => fewer.map((others) => ({ [first]: point, ...others })))];
  };
  return extend(namesOf(sites), sites - threshold);
}

/**
 * Everything but the patterns in which sites drop at different moments; of those each `stride`-th, which for a stride
 * that shares no factor with 10 meets every pair of moments.
 */
export function spreadPatterns(federation: Federation, stride: number): readonly DropPattern[] {
  let mixed = 0;
  return dropPatterns(federation).filter(
    (pattern) => new Set(Object.values(pattern)).size <= 1 || mixed++ % stride === 0,
  );
}
