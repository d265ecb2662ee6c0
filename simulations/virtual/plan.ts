/** The plan that a simulation's coordinator and sites agree on. */
import { planSchema, type Plan } from '../../shared/protocol/plan.ts';
import {
  DEFAULT_EXAMPLE_CAP,
  protectionConflict,
  type Protection,
} from '../../shared/protocol/protection.ts';
import { InputError } from '../../shared/errors.ts';
import { DEFAULT_MINIMUM_COHORT } from '../../shared/secagg/threshold.ts';
import { PROTOCOL_VERSION } from '../../shared/protocol/version.ts';
import type { SimulationConfig } from '../simulation-config.ts';
import type { SimulatedNetwork } from './network.ts';
import type { PreparedData } from './prepare.ts';

export function planOf(
  config: SimulationConfig,
  data: PreparedData,
  { model, initialModel, layout }: Pick<SimulatedNetwork, 'model' | 'initialModel' | 'layout'>,
): Plan {
  const siteCount = data.sites.length;
  // A site whose training fails costs itself, as long as most go on.
  const most = config.faults?.minimumSites ?? Math.floor(siteCount / 2) + 1;
  const protection = protectionOf(config, data);
  // Without faults every virtual site is there: a round that begins without all of them says something is wrong.
  const minimumCohort = config.faults ? Math.max(most, leastCohort(protection, siteCount)) : siteCount;
  const conflict = protectionConflict(protection, { ...config, minimumCohort });
  if (conflict !== undefined) throw new InputError(`${String(siteCount)} sites: ${conflict}`);
  return planSchema.parse({
    protocolVersion: PROTOCOL_VERSION,
    task: { name: data.summary.name, classNames: data.classNames, imageDims: data.imageDims },
    preprocessing: data.preprocessing,
    ...(initialModel ? { initialModel } : { architecture: config.architecture }),
    parameterCount: layout.start.length,
    training: model.recipe,
    federation: {
      strategy: config.strategy,
      rounds: config.rounds,
      ...(config.localSteps !== undefined && { localSteps: config.localSteps }),
      minimumCohort,
      minimumSurvivors: most,
      ...(config.maximumUpdateL2Norm !== undefined && { maximumUpdateL2Norm: config.maximumUpdateL2Norm }),
      ...(config.earlyStopping && { earlyStopping: config.earlyStopping }),
    },
    protection,
    evaluation: { localValidationFraction: config.localValidation },
    seed: config.seed,
  });
}

/** With secure aggregation a round does not begin with so few sites that the sites would refuse it. */
function leastCohort(protection: Protection, siteCount: number): number {
  if (protection.mode !== 'secure-aggregation') return 1;
  return Math.min(siteCount, protection.smallCohortAcknowledged ? 3 : DEFAULT_MINIMUM_COHORT);
}

/**
 * The cap on examples is what weights are fractions of: where nothing else is said, the next power of two above the largest
 * site, so that all sites have their own weight and as many steps of the ring as they can.
 */
function protectionOf({ protection }: SimulationConfig, { sites }: PreparedData): Protection {
  if (!protection.ring || protection.ring.exampleCap !== DEFAULT_EXAMPLE_CAP) return protection;
  const largest = Math.max(...sites.map(({ data }) => data.count));
  const exampleCap = 2 ** Math.ceil(Math.log2(largest));
  return { ...protection, ring: { ...protection.ring, exampleCap } };
}
