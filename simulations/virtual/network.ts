/**
 * What the virtual hospitals train: an architecture, or a model that exists already, read as a real coordinator and real
 * sites read it. Its file stands once in memory that the workers share.
 */
import { describeInitialModel } from '../../coordinator/plan-file.ts';
import { buildModel } from '../../shared/learning/architectures/architecture.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import { frozenForms } from '../../shared/learning/transfer/initial-model.ts';
import { manifestOf } from '../../shared/learning/weights.ts';
import type { InitialModel } from '../../shared/protocol/initial-model.ts';
import type { RunLayout } from '../../shared/protocol/plan-network.ts';
import type { ModelSpec } from '../pool/tasks.ts';
import { counted, formatCount } from '../../shared/format.ts';
import type { SimulationConfig } from '../simulation-config.ts';
import type { PreparedData } from './prepare.ts';

/** The model that is trained from a round on, and what the pool calls it. */
export interface ThawedNetwork {
  readonly model: ModelSpec;
  readonly fromRound: number;
}

export interface SimulatedNetwork {
  /** Nothing of it is frozen. */
  readonly network: Model;
  readonly layout: RunLayout;
  readonly model: ModelSpec;
  /** Where part of the model is frozen for the first rounds only. */
  readonly thawed?: ThawedNetwork;
  /** As the plan names it. */
  readonly initialModel?: InitialModel;
  /** For people. */
  readonly notes: readonly string[];
}

type NetworkConfig = Pick<
  SimulationConfig,
  'engine' | 'architecture' | 'initialModel' | 'training' | 'epochs'
>;
type NetworkData = Pick<PreparedData, 'imageDims' | 'classNames'>;

/** @throws InputError when the model file cannot be used for the data */
export function openNetwork(config: NetworkConfig, data: NetworkData): SimulatedNetwork {
  const { engine, architecture, initialModel } = config;
  const { imageDims, classNames } = data;
  const recipe = { ...config.training, epochs: config.epochs };
  const model: ModelSpec = { engine, architecture, imageDims, classCount: classNames.length, recipe };
  if (initialModel) return openInitial(initialModel, model, data);
  const network = buildModel(architecture, imageDims, classNames.length);
  return { network, layout: { start: manifestOf(network) }, model, notes: [] };
}

function openInitial(
  { file, ...rules }: NonNullable<SimulationConfig['initialModel']>,
  spec: ModelSpec,
  data: NetworkData,
): SimulatedNetwork {
  const { bytes, described, model: network, notes } = describeInitialModel(file, rules, data);
  const { start, thawed } = frozenForms(network, rules);
  const { sha512, freeze, bodyRateFactor, unfreezeAtRound: fromRound } = described;
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  const { classNames } = data;
  const initial = { bytes: shared, sha512, classNames, freeze, bodyRateFactor, isThawed: false };
  const later = fromRound !== undefined && {
    thawed: { model: { ...spec, initial: { ...initial, isThawed: true } }, fromRound },
  };
  return {
    network,
    layout: {
      start: manifestOf(start),
      ...(fromRound !== undefined && { thawed: { manifest: manifestOf(thawed), fromRound } }),
    },
    model: { ...spec, initial },
    ...later,
    initialModel: described,
    notes: [...notes, frozenNote(described, manifestOf(network).length)],
  };
}

function frozenNote(
  { freeze, trainableCount, unfreezeAtRound }: InitialModel,
  parameterCount: number,
): string {
  if (freeze.length === 0) return 'The whole initial model is trained.';
  const until = unfreezeAtRound === undefined ? '' : ` before round ${String(unfreezeAtRound)}`;
  return (
    `${formatCount(parameterCount - trainableCount)} of ${counted(parameterCount, 'weight')} are frozen${until}: ` +
    `no gradient is computed for them, and models and updates have ${formatCount(trainableCount)} weights.`
  );
}
