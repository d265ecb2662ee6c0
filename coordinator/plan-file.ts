/** A plan as people write it: YAML without what follows from the rest. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { InputError, messageOf } from '../shared/errors.ts';
import { architectureSchema, buildModel } from '../shared/learning/architectures/architecture.ts';
import { manifestOf } from '../shared/learning/weights.ts';
import { planSchema, taskSchema, type Plan } from '../shared/protocol/plan.ts';
import { PROTOCOL_VERSION } from '../shared/protocol/version.ts';

/** What the number of parameters follows from; the rest of the file is the plan's schema's. */
const outlineSchema = z.looseObject({ task: taskSchema, architecture: architectureSchema });

/** Makes a plan of the file's value. @throws ZodError */
function planOf(value: unknown): Plan {
  const { task, architecture } = outlineSchema.parse(value);
  const network = buildModel(architecture, task.imageDims, task.classNames.length);
  const derived = { protocolVersion: PROTOCOL_VERSION, parameterCount: manifestOf(network).length };
  return planSchema.parse({ ...derived, ...z.looseObject({}).parse(value) });
}

/** @throws InputError naming the file and the field that is wrong */
export function readPlanFile(path: string): Plan {
  let value: unknown;
  try {
    value = parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new InputError(`the plan ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  try {
    return planOf(value);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const problems = error.issues.map(
      (issue) => `${issue.path.map(String).join('.') || 'the file'}: ${issue.message}`,
    );
    throw new InputError(`the plan ${path}: ${problems.join('; ')}`);
  }
}
