/**
 * What of the server's state takes part in a round: all but the frozen weights, which the sites have from the plan's
 * model file. The weights are kept whole; what a strategy carries with them is kept of what a run ever trains, so that
 * a backbone that stays frozen costs no momentum. What a run lets go later begins there as in a first round.
 */
import { trainableView, type TrainableView } from '../../shared/learning/transfer/trainable-view.ts';
import type { Manifest } from '../../shared/learning/weights.ts';
import { manifestAt, type RunLayout } from '../../shared/protocol/plan-network.ts';
import type { ServerMemory, ServerState } from './server.ts';

export interface FederatedPart {
  /** Layout of the vectors of the round. */
  readonly manifest: Manifest;
  /** The state that the round starts from. */
  pick(whole: ServerState): ServerState;
  /** The whole state after the round: what is frozen keeps every bit. */
  put(part: ServerState, whole: ServerState): ServerState;
  /** The whole weights after the round: the same array for the same part. */
  putWeights(part: Float32Array, whole: Float32Array): Float32Array;
}

/** Layout of what a strategy carries from round to round. */
export function memoryManifest({ start, thawed }: RunLayout): Manifest {
  return trainableView(thawed?.manifest ?? start).manifest;
}

export function federatedPart(layout: RunLayout, round: number): FederatedPart {
  const manifest = manifestAt(layout, round);
  const weights = trainableView(manifest);
  const memory = trainableView(frozenAs(memoryManifest(layout), manifest));
  const known = new WeakMap<Float32Array, Float32Array>();
  const putWeights: FederatedPart['putWeights'] = (part, whole) => {
    const next = known.get(part) ?? written32(weights, part, whole);
    known.set(part, next);
    return next;
  };
  return {
    manifest: weights.manifest,
    putWeights,
    pick: (whole) => ({
      weights: taken32(weights, whole.weights),
      memory: takenMemory(memory, whole.memory),
    }),
    put: (part, whole) => ({
      weights: putWeights(part.weights, whole.weights),
      memory: writtenMemory(memory, part.memory, whole.memory),
    }),
  };
}

function frozenAs(manifest: Manifest, { entries }: Manifest): Manifest {
  const frozen = new Set(entries.flatMap((entry) => (entry.frozen === true ? [entry.name] : [])));
  const marked = manifest.entries.map((entry) => ({ ...entry, frozen: frozen.has(entry.name) }));
  return { entries: marked, length: manifest.length };
}

/** The same array where nothing is frozen. */
function taken32(view: TrainableView, whole: Float32Array): Float32Array {
  return view.manifest.length === whole.length ? whole : view.pick(whole);
}

function taken64(view: TrainableView, whole: Float64Array): Float64Array {
  if (view.manifest.length === whole.length) return whole;
  const part = new Float64Array(view.manifest.length);
  view.take(whole, part);
  return part;
}

/** `whole` with the part replaced; `part` itself where nothing is frozen. */
function written32(view: TrainableView, part: Float32Array, whole: Float32Array): Float32Array {
  if (part.length === whole.length) return part;
  const next = whole.slice();
  view.put(part, next);
  return next;
}

function written64(view: TrainableView, part: Float64Array, whole: Float64Array): Float64Array {
  if (part.length === whole.length) return part;
  const next = whole.slice();
  view.put(part, next);
  return next;
}

function takenMemory(view: TrainableView, memory: ServerMemory): ServerMemory {
  switch (memory.kind) {
    case 'none':
      return memory;
    case 'velocity':
      return { kind: 'velocity', velocity: taken64(view, memory.velocity) };
    case 'moments': {
      const { first, second } = memory.moments;
      return { kind: 'moments', moments: { first: taken64(view, first), second: taken64(view, second) } };
    }
    case 'control':
      return { kind: 'control', control: taken32(view, memory.control) };
  }
}

/** A strategy never changes the kind of its memory; another kind would be replaced as a whole. */
function writtenMemory(view: TrainableView, part: ServerMemory, whole: ServerMemory): ServerMemory {
  if (part.kind === 'velocity' && whole.kind === 'velocity')
    return { kind: 'velocity', velocity: written64(view, part.velocity, whole.velocity) };
  if (part.kind === 'control' && whole.kind === 'control')
    return { kind: 'control', control: written32(view, part.control, whole.control) };
  if (part.kind === 'moments' && whole.kind === 'moments') {
    const { first, second } = part.moments;
    const moments = {
      first: written64(view, first, whole.moments.first),
      second: written64(view, second, whole.moments.second),
    };
    return { kind: 'moments', moments };
  }
  return part;
}
