/**
 * The coordinator of `bench:coordinator`, alone in its process with its database on disk, so that the memory that is
 * measured is its own. It prints its figures as JSON.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { initCoordinator, type CoordinatorFolder } from '../../coordinator/config.ts';
import type { CoordinatorReport } from '../../coordinator/reports.ts';
import { startCoordinator } from '../../coordinator/server.ts';
import { Administration } from '../../coordinator/storage/administration.ts';
import { openDatabase, type Database } from '../../coordinator/storage/database.ts';
import { systemClock } from '../../shared/clock.ts';
import { toHex } from '../../shared/crypto/bytes.ts';
import { runIdSchema } from '../../shared/ids.ts';
import { hashPlan } from '../../shared/protocol/plan.ts';
import {
  LOAD_MODES,
  loadPlan,
  loadSites,
  type Load,
  type LoadFigures,
  type LoadMode,
  type LoadPlace,
} from './coordinator-load.ts';

const { values: flags } = parseArgs({
  options: { sites: { type: 'string' }, rounds: { type: 'string' }, mode: { type: 'string' } },
});
const RUN_ID = runIdSchema.parse('load');
const ACTOR = 'bench';

/** Sites as they are after enrolment and approval; how they get there is no part of what is measured. */
async function enterSites(database: Database, { siteCount }: Load): Promise<void> {
  const now = new Date(systemClock.nowMs()).toISOString();
  const rows = loadSites(siteCount).map(({ siteId, identity }) => ({
    ...{ site_id: siteId, public_key: toHex(identity.publicKey), status: 'active' as const },
    ...{ enrolled_at: now, changed_at: now },
  }));
  for (let i = 0; i < rows.length; i += 100)
    await database
      .insertInto('sites')
      .values(rows.slice(i, i + 100))
      .execute();
}

const startSites = (load: Load, place: LoadPlace): ChildProcess => {
  const file = fileURLToPath(new URL('./coordinator-sites.ts', import.meta.url));
  const sites = fork(file, [], { execArgv: ['--import', 'tsx'], stdio: ['ignore', 2, 2, 'ipc'] });
  sites.send({ load, place });
  return sites;
};

/** What the coordinator tells, as figures; `connected` and `finished` resolve when all sites are there and the run is over. */
function observe({ siteCount }: Load) {
  const rounds: { readonly atMs: number; readonly cpuMs: number }[] = [];
  const counts = { dropped: 0, lost: 0 };
  let connectedCount = 0;
  let allConnected: () => void = () => undefined;
  let over: () => void = () => undefined;
  const note = (): void => {
    const { user, system } = process.cpuUsage();
    rounds.push({ atMs: systemClock.elapsedMs(), cpuMs: (user + system) / 1000 });
  };
  const hear = (report: CoordinatorReport): void => {
    if (report.kind === 'gateway') {
      const { kind } = report.report;
      if (kind === 'connected' && ++connectedCount === siteCount) allConnected();
      else if (kind !== 'connected') counts.lost++;
    }
    if (report.kind === 'runStarted') note();
    if (report.kind === 'attempt') {
      note();
      const { dropped, outcome } = report.record;
      counts.dropped += dropped.length + (outcome === 'aborted' ? siteCount : 0);
      for (const drop of dropped.slice(0, 5)) process.stderr.write(`dropped: ${JSON.stringify(drop)}\n`);
    }
    if (report.kind === 'runFinished' || report.kind === 'runFailed') over();
    if (report.kind === 'runFailed' || report.kind === 'error')
      process.stderr.write(`${JSON.stringify(report)}\n`);
  };
  const connected = new Promise<void>((resolve) => {
    allConnected = resolve;
  });
  const finished = new Promise<void>((resolve) => {
    over = resolve;
  });
  return { rounds, counts, hear, connected, finished };
}

const residentMb = (): number => process.memoryUsage.rss() / 1e6;

async function measure(load: Load, folder: CoordinatorFolder): Promise<LoadFigures> {
  const plan = loadPlan(load);
  const database = await openDatabase(folder.database);
  await enterSites(database, load);
  const administration = new Administration(database, systemClock, folder.identity);
  const planHash = await administration.addPlan(ACTOR, plan, hashPlan(plan));
  const { rounds, counts, hear, connected, finished } = observe(load);
  const coordinator = await startCoordinator(folder, hear);
  const idleMb = residentMb();
  const { federationId, identity } = folder;
  const url = `http://127.0.0.1:${String(coordinator.port)}`;
  const sites = startSites(load, { url, federationId, coordinatorKey: toHex(identity.publicKey) });
  const stalls = monitorEventLoopDelay({ resolution: 5 });
  try {
    await connected;
    stalls.enable();
    await administration.enqueue(ACTOR, { runId: RUN_ID, planHash });
    await finished;
    stalls.disable();
  } finally {
    const lost = counts.lost;
    sites.disconnect();
    await coordinator.close();
    await database.destroy();
    counts.lost = lost;
  }
  const between = (key: 'atMs' | 'cpuMs'): number[] =>
    rounds.slice(1).map((round, i) => round[key] - (rounds[i]?.[key] ?? NaN));
  return {
    ...{ parameterCount: plan.parameterCount, roundMs: between('atMs'), roundCpuMs: between('cpuMs') },
    ...{ peakMb: (process.resourceUsage().maxRSS * 1024) / 1e6, idleMb },
    ...{ longestStallMs: stalls.max / 1e6, droppedCount: counts.dropped, lostCount: counts.lost },
  };
}

const modeOf = (name: string | undefined): LoadMode => LOAD_MODES.find((mode) => mode === name) ?? 'box';

const path = await mkdtemp(join(tmpdir(), 'consilium-load-'));
try {
  const folder = initCoordinator(join(path, 'coordinator'), {
    ...{ host: '127.0.0.1', port: 0, url: 'http://127.0.0.1', behindTlsProxy: false },
  });
  const load = { siteCount: Number(flags.sites), rounds: Number(flags.rounds), mode: modeOf(flags.mode) };
  process.stdout.write(JSON.stringify(await measure(load, folder)));
} finally {
  await rm(path, { recursive: true, force: true });
}
