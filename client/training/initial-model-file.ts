/**
 * The model files that plans start from, at the site: fetched once, kept under the digest by which plans name them, and
 * refused when they are others.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../shared/atomic-file.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import type { InitialModel } from '../../shared/protocol/initial-model.ts';
import { requireDigest } from '../../shared/protocol/plan-network.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { LocalTrainer } from './local-update.ts';

type Named = Pick<InitialModel, 'sha512'>;
type Starting = Pick<Plan, 'initialModel'>;

const pathIn = (folder: string, { sha512 }: Named): string => join(folder, `${sha512}.onnx`);

/** The file of a plan; undefined where the plan starts from random weights. @throws InputError when it is not there */
export async function readInitialModel(
  { initialModel }: Starting,
  folder: string,
): Promise<Uint8Array | undefined> {
  if (!initialModel) return undefined;
  const path = pathIn(folder, initialModel);
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new InputError(
      `the plan's initial model ${path} cannot be read (${messageOf(cause)}); \`consilium site approve\` fetches it`,
      { cause },
    );
  }
}

/** `signal` breaks it off. */
export type FetchModel = (model: InitialModel, signal?: AbortSignal) => Promise<Uint8Array>;

/**
 * Fetches the file of a plan unless it is here, as the plan names it. True when it was fetched.
 * @throws InputError when what is sent is another file, which is not kept; StorageError when it cannot be kept
 */
export async function ensureInitialModel(
  plan: Starting,
  folder: string,
  fetchModel: FetchModel,
  signal?: AbortSignal,
): Promise<boolean> {
  const { initialModel } = plan;
  if (!initialModel || (await isHere(initialModel, folder))) return false;
  const bytes = await fetchModel(initialModel, signal);
  requireDigest(initialModel, bytes);
  await writeAtomically(pathIn(folder, initialModel), bytes);
  return true;
}

/** A damaged file counts as missing: it is fetched again. */
async function isHere(model: Named, folder: string): Promise<boolean> {
  try {
    requireDigest(model, new Uint8Array(await readFile(pathIn(folder, model))));
    return true;
  } catch {
    return false;
  }
}

/** A trainer that has the plan's file before it begins: a plan may have been approved while the site was not connected. */
export function withInitialModel(
  trainer: LocalTrainer,
  folder: string,
  fetchModel: FetchModel,
): LocalTrainer {
  const known = new Set<string>();
  const ensure = async (plan: Starting, signal: AbortSignal): Promise<void> => {
    const sha512 = plan.initialModel?.sha512;
    if (sha512 === undefined || known.has(sha512)) return;
    await ensureInitialModel(plan, folder, fetchModel, signal);
    known.add(sha512);
  };
  const count = trainer.count?.bind(trainer);
  return {
    train: async (request) => {
      await ensure(request.plan, request.signal);
      return trainer.train(request);
    },
    ...(count && {
      count: async (request) => {
        await ensure(request.plan, request.signal);
        return count(request);
      },
    }),
  };
}
