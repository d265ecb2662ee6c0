/**
 * `auto`: every engine that loads must pass the self-check; the fastest on a short real step wins. Plain JavaScript is
 * never chosen: it is the reference in tests, a thousand times slower.
 */
import { EngineError } from '../../errors.ts';
import { ENGINE_NAMES, type EngineName } from './engine.ts';
import { probeEngine } from './probe-engine.ts';
import type { ProbeReport, WorkingEngine } from './probe-report.ts';

/** The choice with its figures, for the record of a run. */
export interface EngineChoice {
  readonly name: EngineName;
  readonly device: string;
  readonly imagesPerSecond: number;
  /** Every engine that was considered, the chosen one included. */
  readonly candidates: readonly ProbeReport[];
}

export const AUTO_CANDIDATES: readonly EngineName[] = ENGINE_NAMES.filter((name) => name !== 'tensorflow-js');

/** @throws EngineError when no candidate works. */
export function fastest(candidates: readonly ProbeReport[]): EngineChoice {
  const working = candidates.filter(
    (report): report is WorkingEngine => report.available && report.name !== 'tensorflow-js',
  );
  const [best] = working.toSorted((a, b) => b.imagesPerSecond - a.imagesPerSecond);
  if (best === undefined) {
    const reasons = candidates.map((report) => (report.available ? '' : `${report.name}: ${report.reason}`));
    throw new EngineError(
      `No engine works on this machine. "consilium doctor" says what helps.\n${reasons.join('\n')}`,
    );
  }
  return { name: best.name, device: best.device, imagesPerSecond: best.imagesPerSecond, candidates };
}

let choice: Promise<EngineChoice> | undefined;

/** One after the other, because two that run at once would time each other. */
async function probeAll(probe: (name: EngineName) => Promise<ProbeReport>): Promise<EngineChoice> {
  const reports: ProbeReport[] = [];
  for (const name of AUTO_CANDIDATES) reports.push(await probe(name));
  return fastest(reports);
}

/**
 * Takes seconds the first time and nothing later in the same process. Workers are given the name that it found.
 * @throws EngineError when no engine works
 */
export function chooseEngine(): Promise<EngineChoice> {
  choice ??= probeAll(probeEngine);
  return choice;
}
