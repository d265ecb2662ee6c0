/** Where the bars of a timeline lie: pure arithmetic over spans of time. */

/** One stretch of time of one row. */
export interface TimelineSpan {
  readonly row: string;
  /** What the time was spent on; decides the colour. */
  readonly phase: string;
  /** Milliseconds since the Unix epoch. */
  readonly startMs: number;
  /** Undefined: it goes on. */
  readonly endMs: number | undefined;
  readonly round: number;
  /** Said when it is pointed at. */
  readonly note?: string | undefined;
  /** It ended before what was asked for was done. */
  readonly isFailed?: boolean;
}

export interface TimeWindow {
  readonly startMs: number;
  readonly endMs: number;
}

/** How many of the last rounds are shown; undefined: all. */
export type RoundLimit = number | undefined;

/** The spans of the last `limit` rounds, by row, in the order of time. */
export function spansByRow(
  spans: readonly TimelineSpan[],
  limit: RoundLimit,
): ReadonlyMap<string, readonly TimelineSpan[]> {
  const rounds = [...new Set(spans.map(({ round }) => round))].sort((a, b) => b - a);
  const first = limit === undefined ? -Infinity : (rounds[limit - 1] ?? -Infinity);
  const byRow = new Map<string, TimelineSpan[]>();
  for (const span of spans.toSorted((a, b) => a.startMs - b.startMs)) {
    if (span.round < first) continue;
    const row = byRow.get(span.row);
    if (row) row.push(span);
    else byRow.set(span.row, [span]);
  }
  return byRow;
}

/** From the first beginning to the last end, or to now where something goes on; at least one second. */
export function timeWindow(byRow: ReadonlyMap<string, readonly TimelineSpan[]>, nowMs: number): TimeWindow {
  let startMs = Infinity;
  let endMs = -Infinity;
  for (const spans of byRow.values())
    for (const span of spans) {
      startMs = Math.min(startMs, span.startMs);
      endMs = Math.max(endMs, span.endMs ?? nowMs);
    }
  if (startMs > endMs) return { startMs: nowMs - 1000, endMs: nowMs };
  return { startMs, endMs: Math.max(endMs, startMs + 1000) };
}

/** The span of a row at a time; of several the last. */
export function spanAt(
  spans: readonly TimelineSpan[],
  atMs: number,
  nowMs: number,
): TimelineSpan | undefined {
  return spans.findLast(({ startMs, endMs }) => startMs <= atMs && atMs <= (endMs ?? nowMs));
}

/** Milliseconds of each phase in all rounds, by row: what the table says. */
export function timeByPhase(
  spans: readonly TimelineSpan[],
  phases: readonly string[],
  nowMs: number,
): Map<string, number[]> {
  const totals = new Map<string, number[]>();
  for (const { row, phase, startMs, endMs } of spans) {
    const sums = totals.get(row) ?? phases.map(() => 0);
    const i = phases.indexOf(phase);
    if (i >= 0) sums[i] = (sums[i] ?? 0) + (endMs ?? nowMs) - startMs;
    totals.set(row, sums);
  }
  return totals;
}
