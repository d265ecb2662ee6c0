/**
 * Tells the coordinator what its people may see of this site: program and processor, how many images there are, which plans
 * are approved. The site's policy says how much of it. Nothing waits for it: what cannot be told now is told later.
 */
import { readFile, stat } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { planHashSchema, type PlanHash } from '../../shared/ids.ts';
import { programVersion } from '../../shared/program-version.ts';
import {
  MAX_TOLD_CLASSES,
  MAX_TOLD_PLANS,
  type DisclosedCount,
  type SiteAbout,
  type SiteCounts,
} from '../../shared/protocol/site-about.ts';
import { readManifest, type CohortManifest } from '../cohort/scan.ts';
import type { SiteFolder } from '../config.ts';
import { siteActSchema, type SiteAct } from '../ledger/acts.ts';
import { LEDGER_FILE } from '../ledger/ledger-file.ts';
import { orderOf } from '../ledger/site-entries.ts';
import type { SitePolicy } from '../session/policy.ts';
import { tellAbout, type Reach } from '../transport/coordinator-api.ts';

export interface SiteTellerOptions {
  readonly folder: SiteFolder;
  readonly reach: Reach;
  readonly clock: Clock;
  /** Its ledger: what is told is entered before. */
  readonly enter: (act: SiteAct) => Promise<void>;
  /** As it holds now. */
  readonly policy: () => SitePolicy;
}

export interface SiteTeller {
  /** On what it has trained last, as the engine says. */
  trainedOn(device: string): void;
  /** What is being told is broken off. */
  stop(): Promise<void>;
}

/** A decision is seen at the coordinator after this at the latest. */
const EVERY_MS = 15_000;
/** A coordinator that was restored from a backup has forgotten. */
const REPEAT_MS = 3_600_000;

/** As the policy allows it. */
function disclosed(count: number, how: 'exact' | 'span'): DisclosedCount {
  return how === 'exact' ? { low: count, high: count } : orderOf(count);
}

/** Undefined where nothing is to be told, or nothing has been counted. */
export function countsTold(
  manifest: Pick<CohortManifest, 'imageCount' | 'patientCount' | 'classes'> | undefined,
  how: SitePolicy['disclosedCounts'] = 'span',
): SiteCounts | undefined {
  if (!manifest || how === 'none') return undefined;
  const { imageCount, patientCount, classes } = manifest;
  const isTold = how === 'exact' && classes.length <= MAX_TOLD_CLASSES;
  return {
    images: disclosed(imageCount, how),
    patients: disclosed(patientCount, how),
    ...(isTold && { classes: classes.map(({ name, images }) => ({ name, images })) }),
  };
}

/** The plans whose last word in the ledger is no; it is read as it stands, `consilium site ledger --verify` checks it. */
export async function refusedIn(siteFolder: string): Promise<readonly PlanHash[]> {
  const text = await readFile(join(siteFolder, LEDGER_FILE), 'utf8').catch(() => '');
  const refused = new Set<PlanHash>();
  for (const line of text.split('\n')) {
    if (!/"plan(?:Approved|Refused|Withdrawn)"/.test(line)) continue;
    const event = eventIn(line);
    if (event?.kind === 'planApproved') refused.delete(event.planHash);
    if (event?.kind === 'planRefused' || event?.kind === 'planWithdrawn') refused.add(event.planHash);
  }
  return [...refused];
}

function eventIn(line: string): ReturnType<typeof siteActSchema.parse> | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    const event = typeof entry === 'object' && entry !== null && 'event' in entry ? entry.event : undefined;
    return siteActSchema.safeParse(event).data;
  } catch {
    return undefined;
  }
}

function toldAct({ program, counts, approvedPlans }: SiteAbout, text: string): SiteAct {
  const what = [
    ...(program ? ['program' as const] : []),
    ...(counts ? ['counts' as const] : []),
    ...(approvedPlans ? ['decisions' as const] : []),
  ];
  const bytes = new TextEncoder().encode(text);
  return { kind: 'told', what, payloadBytes: bytes.length, payloadHash: sha512Hex(bytes) };
}

export function startSiteTeller({ folder, reach, clock, enter, policy }: SiteTellerOptions): SiteTeller {
  const { config, identity, path } = folder;
  const ended = new AbortController();
  let device = cpus()[0]?.model.trim() ?? '';
  let cancel: () => void = () => undefined;
  let last = { text: '', atMs: -Infinity };
  let entered = '';
  let ledger = { size: -1, refused: [] as readonly PlanHash[] };
  const refusedPlans = async (): Promise<readonly PlanHash[]> => {
    const size = await stat(join(path, LEDGER_FILE)).then(
      (found) => found.size,
      () => 0,
    );
    if (size !== ledger.size) ledger = { size, refused: await refusedIn(path) };
    return ledger.refused;
  };
  const aboutNow = async (): Promise<SiteAbout> => {
    const { approvedPlans, disclosedCounts, disclosesDecisions = true, disclosesProgram = true } = policy();
    const counts = countsTold(await readManifest(path), disclosedCounts);
    const newest = (plans: readonly PlanHash[]) =>
      plans.slice(-MAX_TOLD_PLANS).map((hash) => planHashSchema.parse(hash));
    return {
      ...(disclosesProgram && {
        program: {
          version: programVersion(),
          engine: config.engine,
          device: device.slice(0, 100) || 'unknown',
        },
      }),
      ...(counts && { counts }),
      ...(disclosesDecisions && {
        approvedPlans: newest(approvedPlans),
        refusedPlans: newest(await refusedPlans()),
      }),
    };
  };
  const tell = async (): Promise<void> => {
    const about = await aboutNow();
    const text = JSON.stringify(about);
    const nowMs = clock.elapsedMs();
    if (text === last.text && nowMs - last.atMs < REPEAT_MS) return;
    if (text !== entered) await enter(toldAct(about, text));
    entered = text;
    await tellAbout({ ...reach, signal: ended.signal }, config, identity, { about, clock });
    last = { text, atMs: nowMs };
  };
  const again = async (): Promise<void> => {
    // The agent's connection says when the coordinator cannot be reached; this is only tried again.
    await tell().catch(() => undefined);
    if (!ended.signal.aborted)
      cancel = clock.schedule(EVERY_MS, () => {
        telling = again();
      });
  };
  let telling = again();
  return {
    trainedOn: (name) => {
      device = name;
    },
    stop: async () => {
      ended.abort();
      cancel();
      await telling;
    },
  };
}
