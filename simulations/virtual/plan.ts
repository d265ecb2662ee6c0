/** The plan that a simulation's coordinator and sites agree on. */
import { planSchema, type Plan } from '../../shared/protocol/plan.ts';
import { PROTOCOL_VERSION } from '../../shared/protocol/version.ts';
import type { ModelSpec } from '../pool/tasks.ts';
import type { SimulationConfig } from '../simulation-config.ts';
import type { PreparedData } from './prepare.ts';

export function planOf(
  config: SimulationConfig,
  data: PreparedData,
  model: ModelSpec,
  parameterCount: number,
): Plan {
  const siteCount = data.sites.length;
  // A site whose training fails costs itself, as long as most go on.
  const most = config.faults?.minimumSites ?? Math.floor(siteCount / 2) + 1;
  return planSchema.parse({
    protocolVersion: PROTOCOL_VERSION,
    task: { name: data.summary.name, classNames: data.classNames, imageDims: data.imageDims },
    preprocessing: data.preprocessing,
    architecture: config.architecture,
    parameterCount,
    training: model.recipe,
    federation: {
      strategy: config.strategy,
      rounds: config.rounds,
      // Without faults every virtual site is there: a round that begins without all of them says something is wrong.
      minimumCohort: config.faults ? most : siteCount,
      minimumSurvivors: most,
      ...(config.maximumUpdateL2Norm !== undefined && { maximumUpdateL2Norm: config.maximumUpdateL2Norm }),
      ...(config.earlyStopping && { earlyStopping: config.earlyStopping }),
    },
    protection: { mode: config.protection },
    evaluation: { localValidationFraction: config.localValidation },
    seed: config.seed,
  });
}
