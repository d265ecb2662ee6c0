/**
 * Scanning what a site has scanned before: files whose size and times are those of the last scan are not read again, and
 * where none has changed nothing is decoded either. The notes stay beside the manifest, at the site.
 */
import { readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../../shared/atomic-file.ts';
import { DECODERS, mapBounded } from '../../shared/data/bounded.ts';
import { hexOf } from '../../shared/protocol/hex.ts';
import {
  readManifest,
  scanCohort,
  sourceFiles,
  writeManifest,
  type CohortManifest,
  type ScanOptions,
  type SourceFiles,
} from './scan.ts';

/** Another number when images are judged in another way: what was found before then says nothing. */
const FORMAT = 1;

const stampSchema = z.strictObject({
  /** Relative to the data's folder. */
  file: z.string(),
  /** Size, and times of its content and its entry in nanoseconds: whoever changes a file can set back the first alone. */
  stamp: z.string().regex(/^\d+ \d+ \d+ \d+$/),
  sha512: hexOf(64),
});
const cacheSchema = z.strictObject({
  format: z.literal(FORMAT),
  source: z.string(),
  /** Of the manifest that was made of these files. */
  digest: hexOf(64),
  /** None of the files was so new that it could have changed again unseen. */
  isWhole: z.boolean(),
  files: z.array(stampSchema),
});
type ScanCache = z.infer<typeof cacheSchema>;

const CACHE_FILE = 'cohort-cache.json';
/** Clocks of file systems are as coarse as this: a file that is newer may change without a new time. */
const COARSE_MS = 2000;

export interface SiteScanOptions extends Omit<ScanOptions, 'knownDigest'> {
  /** Every file is looked at, whatever is known of it. */
  readonly isFresh?: boolean;
}

export interface SiteScan {
  readonly manifest: CohortManifest;
  /** Where the manifest is. */
  readonly file: string;
  /** Files that were not read again. */
  readonly reused: number;
}

interface Stamp {
  readonly stamp: string;
  readonly isSettled: boolean;
}

/** By file. */
async function stampsOf({ base, paths }: SourceFiles, nowMs: number): Promise<ReadonlyMap<string, Stamp>> {
  const stamps = await mapBounded(paths, DECODERS, async (path) => {
    const { size, mtimeNs, ctimeNs, ino } = await stat(path, { bigint: true });
    const stamp = [size, mtimeNs, ctimeNs, ino].map(String).join(' ');
    const isSettled = Number(ctimeNs / 1_000_000n) < nowMs - COARSE_MS;
    return [relative(base, path), { stamp, isSettled }] as const;
  });
  return new Map(stamps);
}

/** Undefined where there is none of this source and format; one that is damaged is as good as none. */
async function readCache(siteFolder: string, source: string): Promise<ScanCache | undefined> {
  try {
    const cache = cacheSchema.parse(JSON.parse(await readFile(join(siteFolder, CACHE_FILE), 'utf8')));
    return cache.source === source ? cache : undefined;
  } catch {
    return undefined;
  }
}

async function writeCache(siteFolder: string, cache: ScanCache): Promise<void> {
  const text = JSON.stringify(cache);
  await writeAtomically(join(siteFolder, CACHE_FILE), new TextEncoder().encode(text));
}

/** Scans, and writes the manifest. @throws as `scanCohort` */
export async function scanSite(
  siteFolder: string,
  source: string,
  { isFresh = false, ...options }: SiteScanOptions,
): Promise<SiteScan> {
  const files = await sourceFiles(source);
  const stamps = await stampsOf(files, options.nowMs);
  const cache = isFresh ? undefined : await readCache(siteFolder, source);
  const known = new Map(
    cache?.files.flatMap(({ file, stamp, sha512 }) =>
      stamps.get(file)?.stamp === stamp ? [[file, sha512] as const] : [],
    ),
  );
  const manifest =
    (await unchanged(siteFolder, { cache, known, stamps, kind: files.kind, nowMs: options.nowMs })) ??
    (await scanCohort(source, { ...options, knownDigest: (file) => known.get(file) }));
  const file = await writeManifest(siteFolder, manifest);
  const kept = manifest.files.flatMap(({ file: name, sha512 }) => {
    const stamp = stamps.get(name);
    return stamp?.isSettled ? [{ file: name, stamp: stamp.stamp, sha512 }] : [];
  });
  const isWhole = kept.length === manifest.files.length;
  await writeCache(siteFolder, { format: FORMAT, source, digest: manifest.digest, isWhole, files: kept });
  return { manifest, file, reused: known.size };
}

interface Known {
  readonly cache: ScanCache | undefined;
  readonly known: ReadonlyMap<string, string>;
  readonly stamps: ReadonlyMap<string, Stamp>;
  readonly kind: SourceFiles['kind'];
  readonly nowMs: number;
}

/** The manifest of the last scan where all is as it was. A table may name images that are somewhere else. */
async function unchanged(
  siteFolder: string,
  { cache, known, stamps, kind, nowMs }: Known,
): Promise<CohortManifest | undefined> {
  const isSame = cache?.isWhole && known.size === cache.files.length && known.size === stamps.size;
  if (!isSame || (kind !== 'folder' && kind !== 'npz')) return undefined;
  const last = await readManifest(siteFolder).catch(() => undefined);
  if (last?.digest !== cache.digest) return undefined;
  return { ...last, time: new Date(nowMs).toISOString() };
}
