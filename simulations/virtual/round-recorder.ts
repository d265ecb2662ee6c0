/** Turns what a run reports into the lines of rounds.jsonl. */
import type { RoundReport, UpdateFigures } from '../../coordinator/round/events.ts';
import type { AttemptRecord, CountedRecord, PublishedRecord } from '../../coordinator/run/progress.ts';
import { systemClock } from '../../shared/clock.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { LocalValidation } from '../../shared/protocol/update-payload.ts';
import type { FaultDirector } from '../faults/director.ts';
import type { CountsResult, RoundResult, SiteRound, SiteTraffic } from '../report/result-types.ts';
import type { VirtualFederation } from './federation.ts';
import type { MemoryTransport } from './memory-transport.ts';

interface RecorderOptions {
  readonly federation: Pick<VirtualFederation, 'data' | 'plan' | 'hooks'>;
  readonly transport: MemoryTransport;
  readonly director: FaultDirector;
  /** What each site said of its last training. */
  readonly trained: ReadonlyMap<SiteId, UpdateFigures>;
  /** Of an earlier execution of the run. */
  readonly rounds: readonly RoundResult[];
}

/** Since the last published round. */
interface Unpublished {
  faults: { site: string; fault: string }[];
  aborted: { attempt: number; reason: string }[];
}

/** For a site that a round began without. */
const ABSENT = 'not connected when the round began';

export class RoundRecorder {
  readonly #options: RecorderOptions;
  readonly #rounds: RoundResult[];
  readonly #accepted = new Set<SiteId>();
  #unpublished: Unpublished = { faults: [], aborted: [] };
  #startedMs = systemClock.elapsedMs();
  /** Until the last published round. */
  readonly #carried = new Map<SiteId, { readonly up: number; readonly down: number }>();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#rounds = [...options.rounds];
  }

  get rounds(): readonly RoundResult[] {
    return this.#rounds;
  }

  report(position: { readonly round: number; readonly attempt: number }, report: RoundReport): void {
    if (report.kind === 'phaseEntered' && report.phase === 'selecting') this.#accepted.clear();
    if (report.kind === 'updateAccepted') this.#accepted.add(report.siteId);
    this.#options.federation.hooks.onProgress?.({ kind: 'report', ...position, report });
  }

  attempt(record: AttemptRecord): void {
    const { director } = this.#options;
    const { faults, aborted } = this.#unpublished;
    faults.push(...director.injected().map(({ siteId, fault }) => ({ site: this.#nameOf(siteId), fault })));
    switch (record.outcome) {
      case 'aborted':
        aborted.push({ attempt: record.attempt, reason: record.reason });
        return;
      case 'counted':
        // What befell the sites meanwhile is told with the round that follows.
        this.#options.federation.hooks.onProgress?.({
          kind: 'counted',
          result: this.countsOf(record),
          classNames: this.#options.federation.data.classNames,
        });
        return;
      case 'published':
        this.#unpublished = { faults: [], aborted: [] };
        this.#publish(record, { faults, aborted });
        return;
    }
  }

  countsOf({ classCounts, survivors, dropped }: CountedRecord): CountsResult {
    return {
      classCounts,
      cohort: this.#options.federation.data.sites.length,
      survivors: survivors.length,
      dropped: this.#droppedOf({ survivors, dropped }),
    };
  }

  #publish(record: PublishedRecord, { faults, aborted }: Unpublished): void {
    const { data, plan, hooks } = this.#options.federation;
    const traffic = this.#traffic();
    const nowMs = systemClock.elapsedMs();
    const result: RoundResult = {
      round: record.round,
      cohort: data.sites.length,
      survivors: record.survivors.length,
      dropped: this.#droppedOf(record),
      ...(faults.length > 0 && { faults }),
      ...(aborted.length > 0 && { aborted }),
      ...this.#losses(),
      validation: record.validation.metrics,
      ...(record.localValidation && { localValidation: record.localValidation }),
      durationMs: nowMs - this.#startedMs,
      bytesUp: sumOf(traffic, ({ bytesUp }) => bytesUp),
      bytesDown: sumOf(traffic, ({ bytesDown }) => bytesDown),
      traffic,
    };
    this.#rounds.push(result);
    hooks.onProgress?.({ kind: 'round', result, rounds: plan.federation.rounds });
    this.#startedMs = nowMs;
  }

  #droppedOf({
    survivors,
    dropped,
  }: Pick<PublishedRecord, 'survivors' | 'dropped'>): { site: string; reason: string }[] {
    const invited = new Set<SiteId>([...survivors, ...dropped.map(({ siteId }) => siteId)]);
    const absent = this.#options.federation.data.sites.filter(({ siteId }) => !invited.has(siteId));
    return [
      ...dropped.map(({ siteId, reason }) => ({ site: this.#nameOf(siteId), reason })),
      ...absent.map(({ name }) => ({ site: name, reason: ABSENT })),
    ];
  }

  #nameOf(siteId: SiteId): string {
    return this.#options.federation.data.sites.find((site) => site.siteId === siteId)?.name ?? siteId;
  }

  /** In the order of the sites, so that the sum does not depend on who was first. */
  #losses(): { loss: number; sites: SiteRound[] } {
    let examples = 0;
    let sum = 0;
    const sites: SiteRound[] = [];
    for (const { siteId, name } of this.#options.federation.data.sites) {
      // Where updates are masked only the virtual site itself knows: its own word stands here.
      const update = this.#accepted.has(siteId) ? this.#options.trained.get(siteId) : undefined;
      if (!update) continue;
      examples += update.exampleCount;
      sum += update.exampleCount * update.meanLoss;
      sites.push({ site: name, loss: update.meanLoss, ...validationOf(update.validation) });
    }
    return { loss: sum / examples, sites };
  }

  /** Since the last published round, by site. */
  #traffic(): SiteTraffic[] {
    const { federation, transport } = this.#options;
    return federation.data.sites.map(({ siteId, name }) => {
      const now = transport.trafficOf(siteId);
      const before = this.#carried.get(siteId) ?? { up: 0, down: 0 };
      this.#carried.set(siteId, { ...now });
      return { site: name, bytesUp: now.up - before.up, bytesDown: now.down - before.down };
    });
  }
}

const sumOf = (traffic: readonly SiteTraffic[], valueOf: (site: SiteTraffic) => number): number =>
  traffic.reduce((sum, site) => sum + valueOf(site), 0);

function validationOf(sums: LocalValidation | undefined): Pick<SiteRound, 'validation'> {
  if (!sums) return {};
  const { exampleCount, lossSum, correctCount } = sums;
  return { validation: { loss: lossSum / exampleCount, accuracy: correctCount / exampleCount } };
}
