/**
 * Memory and processor time of a process and all its descendants, from Linux's /proc. Memory is the proportional set
 * size, in which pages that several processes share are counted once.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { systemClock } from '../../../shared/clock.ts';

export interface TreeUse {
  /** The largest sum that a sample has found, bytes. */
  readonly peakBytes: number;
  /** User and system time of all processes so far, milliseconds. */
  readonly cpuMs: number;
}

export interface TreeWatch {
  /** Takes a sample first. */
  use(): TreeUse;
  stop(): void;
}

export const CAN_WATCH = process.platform === 'linux';

/** Often enough for what lasts as long as a site's training; a sample costs a few milliseconds. */
const INTERVAL_MS = 250;
/** USER_HZ: the unit of times in /proc, the same on every Linux that Node runs on. */
const MS_PER_TICK = 10;

interface ProcessTimes {
  readonly parent: number;
  readonly cpuMs: number;
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Gone since it was listed.
    return undefined;
  }
};

/** proc_pid_stat(5): after the name in brackets comes field 3, the state; 4 is the parent, 14 and 15 the times. */
export function parseStat(stat: string): ProcessTimes | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const parent = Number(fields[1]);
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isNaN(parent + ticks) ? undefined : { parent, cpuMs: ticks * MS_PER_TICK };
}

/** proc_pid_smaps(5): the line "Pss: n kB". */
export function parsePssBytes(rollup: string): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0) * 1024;
}

/** Which of `parents` (child → parent) descend from `known`. */
export function descendants(known: ReadonlySet<number>, parents: ReadonlyMap<number, number>): Set<number> {
  const found = new Set(known);
  let before = 0;
  while (found.size > before) {
    before = found.size;
    for (const [child, parent] of parents) if (found.has(parent)) found.add(child);
  }
  return found;
}

/** The process itself has to be running. */
export function watchTree(root: number): TreeWatch {
  // Kept by their numbers: a process whose parent has ended still belongs to the tree.
  let members = new Set([root]);
  const cpuMs = new Map<number, number>();
  let peakBytes = 0;
  let cancel = (): void => undefined;
  const sample = (): void => {
    const times = new Map<number, ProcessTimes>();
    for (const name of readdirSync('/proc')) {
      const stat = /^\d+$/.test(name) ? read(`/proc/${name}/stat`) : undefined;
      const parsed = stat === undefined ? undefined : parseStat(stat);
      if (parsed) times.set(Number(name), parsed);
    }
    members = descendants(members, new Map([...times].map(([id, { parent }]) => [id, parent])));
    let bytes = 0;
    for (const id of members) {
      const own = times.get(id);
      if (own) cpuMs.set(id, own.cpuMs);
      bytes += parsePssBytes(read(`/proc/${String(id)}/smaps_rollup`) ?? '');
    }
    peakBytes = Math.max(peakBytes, bytes);
  };
  const again = (): void => {
    sample();
    cancel = systemClock.schedule(INTERVAL_MS, again);
  };
  again();
  return {
    use: () => {
      sample();
      return { peakBytes, cpuMs: [...cpuMs.values()].reduce((sum, value) => sum + value, 0) };
    },
    stop: () => {
      cancel();
    },
  };
}
