/** A plan as people write it: YAML without what follows from the rest. */
import { z } from 'zod';
import { InputError } from '../shared/errors.ts';
import { architectureSchema, buildModel } from '../shared/learning/architectures/architecture.ts';
import { manifestOf } from '../shared/learning/weights.ts';
import { planSchema, taskSchema, type Plan } from '../shared/protocol/plan.ts';
import { problemsOf, readYamlFile } from '../shared/yaml-file.ts';
import { PROTOCOL_VERSION } from '../shared/protocol/version.ts';

/** What the number of parameters follows from; the rest of the file is the plan's schema's. */
const outlineSchema = z.looseObject({ task: taskSchema, architecture: architectureSchema });

/** @throws InputError naming the file and the field that is wrong */
export function readPlanFile(path: string): Plan {
  const written = readYamlFile('plan', path, outlineSchema);
  const { task, architecture } = written;
  const network = buildModel(architecture, task.imageDims, task.classNames.length);
  const derived = { protocolVersion: PROTOCOL_VERSION, parameterCount: manifestOf(network).length };
  const plan = planSchema.safeParse({ ...derived, ...written });
  if (!plan.success) throw new InputError(`plan ${path}: ${problemsOf(plan.error)}`);
  return plan.data;
}
