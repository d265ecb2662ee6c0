/** The part of a flat vector that is not frozen, as a shorter vector: what is sent, masked, clipped and aggregated. */
import { InvariantError } from '../../errors.ts';
import type { Manifest, ManifestEntry } from '../weights.ts';
import { matcherOf } from './freeze.ts';

export interface TrainableView {
  /** Layout of the shorter vector: the entries that are not frozen, one after the other. */
  readonly manifest: Manifest;
  /** A copy of the part of `full` that is not frozen. @throws InvariantError when `full` is of another model */
  pick(full: Float32Array): Float32Array;
  /** Writes the part of `full` that is not frozen to `part`. @throws InvariantError when the lengths do not fit */
  take(full: Numbers, part: Numbers): void;
  /** Writes `part` over the part of `full` that is not frozen. @throws InvariantError when the lengths do not fit */
  put(part: Numbers, full: Numbers): void;
}

type Numbers = Float32Array | Float64Array;

interface Piece {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/** Neighbours joined, so that a model frozen in one piece is copied in one piece. */
function piecesOf(full: readonly ManifestEntry[], part: readonly ManifestEntry[]): readonly Piece[] {
  const pieces: Piece[] = [];
  full.forEach(({ offset: from, length }, index) => {
    const to = part[index]?.offset ?? 0;
    const last = pieces.at(-1);
    if (last && last.from + last.length === from && last.to + last.length === to)
      pieces[pieces.length - 1] = { ...last, length: last.length + length };
    else pieces.push({ from, to, length });
  });
  return pieces;
}

/**
 * @param frozenPatterns parameters by name, `*` standing for any characters; those that the manifest marks as frozen are
 *   left out in any case. Running statistics that are not frozen are part of the view: they are averaged.
 */
export function trainableView(manifest: Manifest, frozenPatterns: readonly string[] = []): TrainableView {
  const isFrozen = matcherOf(frozenPatterns);
  const kept = manifest.entries.filter((entry) => entry.frozen !== true && !isFrozen(entry.name));
  let length = 0;
  const entries = kept.map((entry): ManifestEntry => {
    const moved = { ...entry, offset: length };
    length += entry.length;
    return moved;
  });
  const pieces = piecesOf(kept, entries);
  const requireLengths = (full: Numbers, part: Numbers): void => {
    if (full.length !== manifest.length) throw new InvariantError('the vector is of another model');
    if (part.length !== length) throw new InvariantError('the trainable part is of another model');
  };
  const take: TrainableView['take'] = (full, part) => {
    requireLengths(full, part);
    for (const piece of pieces) part.set(full.subarray(piece.from, piece.from + piece.length), piece.to);
  };
  return {
    manifest: { entries, length },
    take,
    pick(full) {
      const part = new Float32Array(length);
      take(full, part);
      return part;
    },
    put(part, full) {
      requireLengths(full, part);
      for (const piece of pieces) full.set(part.subarray(piece.to, piece.to + piece.length), piece.from);
    },
  };
}
