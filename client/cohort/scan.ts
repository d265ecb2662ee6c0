/**
 * What a site's images are before anything is trained on them: how many of each class and of how many patients, which
 * files are not used and why, and the digests of the files. It stays at the site: file names can name patients.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../../shared/atomic-file.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { DECODERS, mapBounded } from '../../shared/data/bounded.ts';
import type { Dataset } from '../../shared/data/dataset.ts';
import { filesBelow } from '../../shared/data/folder-reader.ts';
import { openLocal, type LocalOptions } from '../../shared/data/open-local.ts';
import { DataError, messageOf } from '../../shared/errors.ts';
import { canonicalBytes } from '../../shared/protocol/canonical.ts';
import { hexOf } from '../../shared/protocol/hex.ts';
import type { Plan } from '../../shared/protocol/plan.ts';

const manifestSchema = z.strictObject({
  source: z.string(),
  /** ISO 8601. */
  time: z.iso.datetime(),
  imageCount: z.int().min(0),
  patientCount: z.int().min(0),
  synthetic: z.boolean(),
  classes: z.array(z.strictObject({ name: z.string(), images: z.int().min(0), patients: z.int().min(0) })),
  rejected: z.array(z.strictObject({ file: z.string(), reason: z.string() })),
  /** Relative to the data's folder, sorted. */
  files: z.array(z.strictObject({ file: z.string(), bytes: z.int().min(0), sha512: hexOf(64) })),
  /** SHA-512 of all of this but source and time: the same data have the same one. */
  digest: hexOf(64),
});
export type CohortManifest = z.infer<typeof manifestSchema>;

const MANIFEST_FILE = 'cohort.json';
/** Counting and judging files does not depend on the size; a plan has its own. */
const SIZE = { height: 64, width: 64 };

export interface ScanOptions extends Pick<LocalOptions, 'onProgress' | 'signal'> {
  readonly nowMs: number;
  /** The digest of a file as of an earlier scan, where the file has not changed since. Absent: all are read. */
  readonly knownDigest?: (file: string) => string | undefined;
}

/** @throws DataError or InputError when the data cannot be used at all */
export async function scanCohort(
  source: string,
  { nowMs, knownDigest, ...reading }: ScanOptions,
): Promise<CohortManifest> {
  const { dataset, rejected } = await openLocal(source, { ...reading, size: SIZE });
  const content = {
    imageCount: dataset.count,
    patientCount: new Set(dataset.patients).size,
    synthetic: dataset.synthetic,
    classes: classesOf(dataset),
    rejected: rejected.map(({ file, reason }) => ({ file, reason })),
    files: await digestsOf(source, knownDigest),
  };
  const digest = sha512Hex(canonicalBytes(content));
  return { source, time: new Date(nowMs).toISOString(), ...content, digest };
}

function classesOf({ classNames, labels, patients }: Dataset): CohortManifest['classes'] {
  const images = classNames.map(() => 0);
  const seen = classNames.map(() => new Set<string>());
  labels.forEach((label, i) => {
    images[label] = (images[label] ?? 0) + 1;
    seen[label]?.add(patients[i] ?? '');
  });
  return classNames.map((name, i) => ({ name, images: images[i] ?? 0, patients: seen[i]?.size ?? 0 }));
}

export interface SourceFiles {
  readonly kind: 'folder' | 'table' | 'npz' | 'generated';
  /** What names are relative to. */
  readonly base: string;
  readonly paths: readonly string[];
}

/** Of a folder or table all files below; of an array file itself; generated images have none. */
export async function sourceFiles(source: string): Promise<SourceFiles> {
  const [, kind, path = ''] = /^([a-z]+):(.+)$/.exec(source) ?? [];
  if (kind !== 'folder' && kind !== 'table' && kind !== 'npz')
    return { kind: 'generated', base: '', paths: [] };
  const base = kind === 'folder' ? resolve(path) : dirname(resolve(path));
  return { kind, base, paths: kind === 'npz' ? [resolve(path)] : await filesBelow(base) };
}

async function digestsOf(
  source: string,
  knownDigest: ScanOptions['knownDigest'],
): Promise<CohortManifest['files']> {
  const { base, paths } = await sourceFiles(source);
  return mapBounded(paths, DECODERS, async (path) => {
    const { size } = await stat(path);
    const file = relative(base, path);
    return { file, bytes: size, sha512: knownDigest?.(file) ?? (await digestOf(path)) };
  });
}

/** Without holding the file in memory. */
async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha512');
  for await (const chunk of createReadStream(file)) if (chunk instanceof Uint8Array) hash.update(chunk);
  return hash.digest('hex');
}

export async function writeManifest(siteFolder: string, manifest: CohortManifest): Promise<string> {
  const file = join(siteFolder, MANIFEST_FILE);
  await writeAtomically(file, new TextEncoder().encode(`${JSON.stringify(manifest, undefined, 1)}\n`));
  return file;
}

/** Of the last scan; undefined before the first. @throws DataError for a file that is damaged */
export async function readManifest(siteFolder: string): Promise<CohortManifest | undefined> {
  const file = join(siteFolder, MANIFEST_FILE);
  try {
    return manifestSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new DataError(`${file} is damaged (${messageOf(cause)}); \`consilium site scan\` writes it again`, {
      cause,
    });
  }
}

/** Why a plan cannot train on these data, in words; undefined when it can. */
export function misfit({ classes }: Pick<CohortManifest, 'classes'>, { task }: Plan): string | undefined {
  const here = classes.map(({ name }) => name);
  if (here.join('\n') === task.classNames.join('\n')) return undefined;
  const missing = task.classNames.filter((name) => !here.includes(name));
  const extra = here.filter((name) => !task.classNames.includes(name));
  const differences = [
    ...(missing.length > 0 ? [`the data here have no class ${missing.join(', ')}`] : []),
    ...(extra.length > 0 ? [`the plan has no class ${extra.join(', ')}`] : []),
  ];
  const what = differences.length > 0 ? differences.join('; ') : 'the classes stand in another order';
  return `the plan tells ${task.classNames.join(', ')} apart, the data have ${here.join(', ')}: ${what}`;
}
