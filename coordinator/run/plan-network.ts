/** The network of a plan at the coordinator, with the model file that it starts from out of the model store. */
import { modelHashSchema } from '../../shared/ids.ts';
import { networkOf, type PlanNetwork } from '../../shared/protocol/plan-network.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { ModelStore } from '../storage/model-store.ts';

/** @throws StorageError when the file is missing or damaged; InputError when it cannot be used for the plan */
export async function planNetwork(plan: Plan, models: Pick<ModelStore, 'get'>): Promise<PlanNetwork> {
  const { initialModel } = plan;
  const file = initialModel && (await models.get(modelHashSchema.parse(initialModel.sha512)));
  return networkOf(plan, file);
}
