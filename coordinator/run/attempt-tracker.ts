/**
 * Follows one attempt from outside: who is in which phase since when, and what has crossed the wire. It is for people
 * only; the round depends on nothing of it.
 */
import type { SiteId } from '../../shared/ids.ts';
import type { AnswerType } from '../../shared/protocol/messages.ts';
import type { DropReason } from '../../shared/protocol/reasons.ts';
import type { Phase, RoundRules } from '../round/state.ts';
import type { AttemptTrack, SiteTrack, Span } from '../storage/attempt-track.ts';
import type { AttemptRecord } from './progress.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The phase that an answer completes; a refusal ends in a drop. */
const PHASE_OF: Readonly<Record<AnswerType, Phase | undefined>> = {
  advertise: 'advertising',
  shares: 'sharingKeys',
  update: 'training',
  consistent: 'consistency',
  unmasked: 'unmasking',
  refuse: undefined,
};

export type Deadlines = RoundRules['deadlinesMs'];

const deadlineOf = (deadlines: Deadlines, phase: Phase): number | undefined =>
  Object.entries(deadlines).find(([name]) => name === phase)?.[1];

export interface Snapshot {
  readonly round: number;
  readonly attempt: number;
  readonly phase: Phase;
  readonly phaseStartMs: number;
  readonly deadlineMs: number | null;
  readonly cohortSize: number;
  readonly startMs: number;
  readonly spans: readonly Span[];
  /** By name. */
  readonly sites: readonly SiteTrack[];
}

export class AttemptTracker {
  readonly round: number;
  readonly attempt: number;
  readonly #startMs: number;
  readonly #spans: Mutable<Span>[] = [];
  readonly #sites = new Map<SiteId, Mutable<SiteTrack>>();
  #phase: Phase = 'selecting';
  #phaseStartMs: number;
  #extendedToMs: number | undefined;
  #cohortSize = 0;

  constructor({ round, attempt }: { readonly round: number; readonly attempt: number }, nowMs: number) {
    this.round = round;
    this.attempt = attempt;
    this.#startMs = nowMs;
    this.#phaseStartMs = nowMs;
  }

  enter(phase: Phase, cohortSize: number, nowMs: number): void {
    this.#endSpan(this.#spans, nowMs);
    this.#spans.push({ phase, startMs: nowMs, endMs: null });
    this.#phase = phase;
    this.#phaseStartMs = nowMs;
    this.#extendedToMs = undefined;
    this.#cohortSize = cohortSize;
    const isAsking = Object.values(PHASE_OF).includes(phase);
    for (const site of this.#sites.values()) {
      if (site.state === 'dropped') continue;
      this.#endSpan(site.spans, nowMs);
      site.state = isAsking ? 'working' : 'waiting';
      if (isAsking) site.spans.push({ phase, startMs: nowMs, endMs: null });
    }
  }

  extend(delayMs: number, nowMs: number): void {
    this.#extendedToMs = nowMs + delayMs;
  }

  /** A site that is told again, because it was away, keeps what is known of it. */
  invite(siteId: SiteId, nowMs: number): void {
    if (this.#sites.has(siteId)) return;
    this.#sites.set(siteId, {
      ...{ siteId, state: 'invited', reason: null, bytesUp: 0, bytesDown: 0, steps: 0 },
      spans: [{ phase: 'advertising', startMs: nowMs, endMs: null }],
    });
  }

  /** Its answer has been accepted. */
  accept(siteId: SiteId, answer: AnswerType, nowMs: number): void {
    const site = this.#sites.get(siteId);
    const phase = PHASE_OF[answer];
    if (!site || phase === undefined || site.state === 'dropped') return;
    const span = site.spans.findLast((one) => one.phase === phase);
    if (span?.endMs === null) span.endMs = nowMs;
    if (this.#phase === phase) site.state = 'waiting';
  }

  drop(siteId: SiteId, reason: DropReason, nowMs: number): void {
    const site = this.#sites.get(siteId);
    if (!site) return;
    this.#endSpan(site.spans, nowMs);
    site.state = 'dropped';
    site.reason = reason;
  }

  steps(siteId: SiteId, steps: number): void {
    const site = this.#sites.get(siteId);
    if (site) site.steps = Math.max(site.steps, steps);
  }

  carried(siteId: SiteId, direction: 'up' | 'down', bytes: number): void {
    const site = this.#sites.get(siteId);
    if (!site) return;
    if (direction === 'up') site.bytesUp += bytes;
    else site.bytesDown += bytes;
  }

  /** @param deadlines undefined: not known */
  snapshot(deadlines: Deadlines | undefined): Snapshot {
    const delayMs = deadlines && deadlineOf(deadlines, this.#phase);
    const plannedMs = delayMs === undefined ? null : this.#phaseStartMs + delayMs;
    return {
      ...{ round: this.round, attempt: this.attempt, phase: this.#phase, phaseStartMs: this.#phaseStartMs },
      deadlineMs: this.#extendedToMs ?? plannedMs,
      ...{ cohortSize: this.#cohortSize, startMs: this.#startMs, spans: copies(this.#spans) },
      sites: this.#copiedSites(),
    };
  }

  /** As the attempt has ended. */
  end(record: AttemptRecord, nowMs: number): AttemptTrack {
    const survivors = new Set(record.outcome === 'aborted' ? [] : record.survivors);
    this.#endSpan(this.#spans, nowMs);
    for (const { siteId, reason } of record.dropped) this.drop(siteId, reason, nowMs);
    for (const site of this.#sites.values()) {
      this.#endSpan(site.spans, nowMs);
      if (survivors.has(site.siteId)) site.state = 'survived';
      else if (site.state !== 'dropped') site.state = 'ended';
    }
    return {
      ...{ round: this.round, attempt: this.attempt, outcome: record.outcome },
      ...{ startMs: this.#startMs, endMs: nowMs, spans: copies(this.#spans), sites: this.#copiedSites() },
    };
  }

  #endSpan(spans: Mutable<Span>[], nowMs: number): void {
    const last = spans.at(-1);
    if (last?.endMs === null) last.endMs = nowMs;
  }

  #copiedSites(): SiteTrack[] {
    return [...this.#sites.values()]
      .sort((a, b) => (a.siteId < b.siteId ? -1 : 1))
      .map((site) => ({ ...site, spans: copies(site.spans) }));
  }
}

const copies = (spans: readonly Span[]): Span[] => spans.map((span) => ({ ...span }));
