/**
 * A plan as people send it: YAML or JSON text without what follows from the rest. Unlike a plan file on the coordinator's
 * own disk it names no files: a model that it starts from is named by its digest and must be in the model store already.
 */
import { parse } from 'yaml';
import { z } from 'zod';
import { InputError, messageOf } from '../shared/errors.ts';
import { modelHashSchema } from '../shared/ids.ts';
import { architectureSchema, buildModel } from '../shared/learning/architectures/architecture.ts';
import { manifestOf } from '../shared/learning/weights.ts';
import { planSchema, taskSchema, type Plan } from '../shared/protocol/plan.ts';
import { PROTOCOL_VERSION } from '../shared/protocol/version.ts';
import { problemsOf } from '../shared/yaml-file.ts';
import { planNetwork } from './run/plan-network.ts';
import type { ModelStore } from './storage/model-store.ts';

/** What the number of parameters follows from; the rest of the text is the plan's schema's. */
const outlineSchema = z.looseObject({
  task: taskSchema,
  architecture: architectureSchema.optional(),
});

/** Aliases that refer to aliases are how a small text becomes a large value. */
const MAX_ALIASES = 10;

/** @throws InputError naming the field that is wrong */
export async function readPlanText(text: string, models: ModelStore): Promise<Plan> {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: MAX_ALIASES, logLevel: 'error' });
  } catch (cause) {
    throw new InputError(`the plan is neither YAML nor JSON: ${messageOf(cause)}`, { cause });
  }
  const outline = outlineSchema.safeParse(value);
  if (!outline.success) throw new InputError(problemsOf(outline.error));
  const { task, architecture } = outline.data;
  const counted = architecture && {
    parameterCount: manifestOf(buildModel(architecture, task.imageDims, task.classNames.length)).length,
  };
  const plan = planSchema.safeParse({ protocolVersion: PROTOCOL_VERSION, ...counted, ...outline.data });
  if (!plan.success) throw new InputError(problemsOf(plan.error));
  await requireNetwork(plan.data, models);
  return plan.data;
}

/** What could not be trained is refused when it is made. */
async function requireNetwork(plan: Plan, models: ModelStore): Promise<void> {
  const { initialModel } = plan;
  if (initialModel && !(await models.has(modelHashSchema.parse(initialModel.sha512))))
    throw new InputError(
      'initialModel: no such model is here; `consilium coordinator plan add` takes a plan together with its model file',
    );
  await planNetwork(plan, models);
}
