/**
 * The network that a plan trains: an architecture, or the model file that the plan names by its digest. The file comes
 * from others: another one is refused, and this one is imported as untrusted input.
 */
import { sha512Hex } from '../crypto/hash.ts';
import { GraphError, InputError } from '../errors.ts';
import { buildModel } from '../learning/architectures/architecture.ts';
import type { Model } from '../learning/graph/types.ts';
import { adaptModel, frozenForms } from '../learning/transfer/initial-model.ts';
import { trainableView } from '../learning/transfer/trainable-view.ts';
import { manifestOf, type Manifest } from '../learning/weights.ts';
import type { Plan } from './plan.ts';

/** The forms of the network over a run, all with one layout of weights. */
export interface PlanNetwork {
  readonly start: Model;
  /** Nothing of it is frozen: the form that is exported. */
  readonly whole: Model;
  /** The round from which on the whole is trained; absent where none is different from the first. */
  readonly wholeFrom?: number;
}

export type NetworkPlan = Pick<Plan, 'architecture' | 'initialModel' | 'parameterCount' | 'task'>;

/**
 * @param file the bytes of the plan's initial model; not looked at where the plan has none
 * @throws InputError when the file is missing, is another one or cannot be used for the plan
 */
export function networkOf(plan: NetworkPlan, file?: Uint8Array): PlanNetwork {
  const network = plan.initialModel ? transferNetwork(plan, plan.initialModel, file) : built(plan);
  requireLengths(plan, network);
  return network;
}

function built({ architecture, task }: NetworkPlan): PlanNetwork {
  if (!architecture) throw new InputError('the plan has neither an architecture nor an initialModel');
  const model = buildModel(architecture, task.imageDims, task.classNames.length);
  return { start: model, whole: model };
}

type InitialModel = NonNullable<Plan['initialModel']>;

function transferNetwork({ task }: NetworkPlan, rules: InitialModel, file?: Uint8Array): PlanNetwork {
  const name = `the initial model ${rules.sha512.slice(0, 16)}…`;
  if (!file) throw new InputError(`${name} of the plan is not here; \`consilium site approve\` fetches it`);
  requireDigest(rules, file);
  try {
    const { start, thawed: whole } = frozenForms(adaptModel(file, task).model, rules);
    const { unfreezeAtRound: wholeFrom } = rules;
    return { start, whole, ...(wholeFrom !== undefined && { wholeFrom }) };
  } catch (cause) {
    if (!(cause instanceof GraphError)) throw cause;
    throw new InputError(`${name}: ${cause.message}`, { cause });
  }
}

/** @throws InputError when the bytes are not those that the plan names */
export function requireDigest({ sha512 }: Pick<InitialModel, 'sha512'>, file: Uint8Array): void {
  const found = sha512Hex(file);
  if (found !== sha512)
    throw new InputError(
      `the initial model has the digest ${found.slice(0, 16)}…, but the plan names ${sha512.slice(0, 16)}…: ` +
        'it was changed or damaged and is not used',
    );
}

function requireLengths({ parameterCount, initialModel }: NetworkPlan, { start }: PlanNetwork): void {
  const manifest = manifestOf(start);
  const { length } = trainableView(manifest).manifest;
  if (manifest.length === parameterCount && length === (initialModel?.trainableCount ?? parameterCount))
    return;
  throw new InputError(
    `the plan's network has ${String(manifest.length)} weights, ${String(length)} of them not frozen; the plan says ` +
      `${String(parameterCount)} and ${String(initialModel?.trainableCount ?? parameterCount)}: it was made by another version`,
  );
}

/** As a round trains it. */
export function networkAt({ start, whole, wholeFrom }: PlanNetwork, round: number): Model {
  return wholeFrom !== undefined && round >= wholeFrom ? whole : start;
}

/** Layouts of a run's weights: they differ in what is frozen. */
export interface RunLayout {
  readonly start: Manifest;
  readonly thawed?: { readonly manifest: Manifest; readonly fromRound: number };
}

export function layoutOfRun({ start, whole, wholeFrom }: PlanNetwork): RunLayout {
  const thawed = wholeFrom !== undefined && {
    thawed: { manifest: manifestOf(whole), fromRound: wholeFrom },
  };
  return { start: manifestOf(start), ...thawed };
}

export function manifestAt({ start, thawed }: RunLayout, round: number): Manifest {
  return thawed && round >= thawed.fromRound ? thawed.manifest : start;
}
