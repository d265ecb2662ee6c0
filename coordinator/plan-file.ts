/** A plan as people write it: YAML without what follows from the rest. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { sha512Hex } from '../shared/crypto/hash.ts';
import { GraphError, InputError, messageOf } from '../shared/errors.ts';
import { architectureSchema, buildModel } from '../shared/learning/architectures/architecture.ts';
import type { Model } from '../shared/learning/graph/types.ts';
import { DEFAULT_ONNX_LIMITS } from '../shared/learning/graph/onnx-limits.ts';
import { adaptModel, frozenForms, type TransferTask } from '../shared/learning/transfer/initial-model.ts';
import { trainableView } from '../shared/learning/transfer/trainable-view.ts';
import { manifestOf } from '../shared/learning/weights.ts';
import { transferRulesSchema, type InitialModel } from '../shared/protocol/initial-model.ts';
import { planSchema, taskSchema, type Plan } from '../shared/protocol/plan.ts';
import { problemsOf, readYamlFile } from '../shared/yaml-file.ts';
import { PROTOCOL_VERSION } from '../shared/protocol/version.ts';

/** What the plan's numbers follow from; the rest of the file is the plan's schema's. */
const outlineSchema = z.looseObject({
  task: taskSchema,
  architecture: architectureSchema.optional(),
  initialModel: z
    .strictObject({
      ...transferRulesSchema.shape,
      /** An ONNX file, from the folder of the plan. */
      file: z.string().min(1),
    })
    .optional(),
});
type Outline = z.infer<typeof outlineSchema>;

export interface PlanFile {
  readonly plan: Plan;
  /** The bytes that the plan names by their digest: they are kept with the plan, and sites fetch them. */
  readonly initialModel?: Uint8Array;
  /** What the researcher should know about that file. */
  readonly notes: readonly string[];
}

/** @throws InputError naming the file and the field that is wrong */
export function readPlanFile(path: string): PlanFile {
  const written = readYamlFile('plan', path, outlineSchema);
  const { counted, initialModel, notes } = derived(path, written);
  const plan = planSchema.safeParse({ protocolVersion: PROTOCOL_VERSION, ...written, ...counted });
  if (!plan.success) throw new InputError(`plan ${path}: ${problemsOf(plan.error)}`);
  return { plan: plan.data, notes, ...(initialModel && { initialModel }) };
}

interface Derived extends Omit<PlanFile, 'plan'> {
  readonly counted: { readonly parameterCount: number; readonly initialModel?: InitialModel };
}

function derived(path: string, { task, architecture, initialModel }: Outline): Derived {
  if (initialModel) {
    const { file, ...rules } = initialModel;
    const from = resolve(dirname(path), file);
    const { bytes, described, parameterCount, notes } = describeInitialModel(from, rules, task);
    return { counted: { parameterCount, initialModel: described }, initialModel: bytes, notes };
  }
  if (!architecture) throw new InputError(`plan ${path}: give an architecture or an initialModel`);
  const network = buildModel(architecture, task.imageDims, task.classNames.length);
  return { counted: { parameterCount: manifestOf(network).length }, notes: [] };
}

export interface DescribedModel {
  readonly bytes: Uint8Array;
  readonly described: InitialModel;
  /** For the task's classes; nothing of it is frozen. */
  readonly model: Model;
  /** Of the whole model, its head for the task's classes. */
  readonly parameterCount: number;
  readonly notes: readonly string[];
}

/** What a plan says of a model file. @throws InputError when it cannot be read or used for the task */
export function describeInitialModel(
  file: string,
  rules: z.infer<typeof transferRulesSchema>,
  task: TransferTask,
): DescribedModel {
  const bytes = readBounded(file);
  try {
    const { model, notes } = adaptModel(bytes, task);
    const manifest = manifestOf(frozenForms(model, rules).start);
    const trainableCount = trainableView(manifest).manifest.length;
    const described = { ...rules, sha512: sha512Hex(bytes), byteLength: bytes.length, trainableCount };
    const named = notes.map((note) => `${file}: ${note}`);
    return { bytes, described, model, parameterCount: manifest.length, notes: named };
  } catch (cause) {
    if (!(cause instanceof GraphError)) throw cause;
    throw new InputError(`initial model ${file}: ${cause.message}`, { cause });
  }
}

function readBounded(file: string): Uint8Array {
  try {
    const { size } = statSync(file);
    const { fileBytes } = DEFAULT_ONNX_LIMITS;
    if (size > fileBytes)
      throw new InputError(
        `initial model ${file} has ${String(size)} bytes; ${String(fileBytes)} are allowed`,
      );
    return new Uint8Array(readFileSync(file));
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(`initial model ${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
