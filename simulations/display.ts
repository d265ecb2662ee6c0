/** What the person at the keyboard sees: progress on stderr (bars on a terminal, lines otherwise), tables on stdout. */
import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { comparedMethods, type ComparedMethod } from './report/methods.ts';
import {
  counted,
  formatBytes,
  formatCount,
  formatDuration,
  formatEstimate,
  formatMetric,
} from '../shared/format.ts';
import { gainText, headline } from './report/headline.ts';
import { alignedRows } from './report/text-table.ts';
import type { FederationResult } from './report/result-types.ts';
import { COUNTS_ROUND } from '../shared/protocol/class-counts.ts';
import type { SimulationProgress } from './progress.ts';

export interface Display {
  show(progress: SimulationProgress): void;
  /** Removes the bars; what was said stays. */
  close(): void;
}

type RoundProgress = Extract<SimulationProgress, { kind: 'round' }>;

/** At the pace of the last round; the comparison that may follow is not in it. */
const remainingMs = ({ result, rounds }: RoundProgress): number =>
  Math.max(0, rounds - result.round) * (result.durationMs ?? 0);

function roundLine(progress: RoundProgress): string {
  const { result, rounds } = progress;
  const { round, survivors, cohort, loss, validation, durationMs, bytesUp, dropped } = result;
  const sent = bytesUp === undefined ? '' : `, ${formatBytes(bytesUp)} up`;
  const left = remainingMs(progress);
  const drops = (dropped ?? []).map(({ site, reason }) => ` – ${site} dropped (${reason})`).join('');
  return (
    `round ${String(round)}/${String(rounds)}: ${String(survivors)} of ${String(cohort)} sites, ` +
    `training loss ${formatMetric(loss)}, validation AUC ${formatMetric(validation?.['auc'])}, ` +
    `accuracy ${formatMetric(validation?.['accuracy'])}, ${formatDuration(durationMs ?? 0)}${sent}` +
    `${left > 0 ? `, ${formatDuration(left)} left` : ''}${drops}`
  );
}

type CountsProgress = Extract<SimulationProgress, { kind: 'counted' }>;

/** More classes than these are in the report. */
const LISTED_CLASSES = 10;

function countsLine({ result, classNames }: CountsProgress): string {
  const { classCounts, survivors, cohort, dropped } = result;
  const named = classCounts.map((count, label) => `${classNames[label] ?? ''} ${formatCount(count)}`);
  const more = named.length > LISTED_CLASSES ? ', …' : '';
  const drops = dropped.map(({ site, reason }) => ` – ${site} dropped (${reason})`).join('');
  return (
    `class counts of the federation: ${named.slice(0, LISTED_CLASSES).join(', ')}${more} ` +
    `(training images of ${String(survivors)} of ${String(cohort)} sites together)${drops}`
  );
}

const STAGE_TEXT = {
  data: 'preparing the data',
  federation: 'federated rounds',
  comparison: 'training the models to compare with',
  test: 'testing on the held-out global test set',
} as const;

/** One line for every event worth one. */
function lineOf(progress: SimulationProgress): string | undefined {
  switch (progress.kind) {
    case 'stage':
      return STAGE_TEXT[progress.stage];
    case 'notice':
      return `note: ${progress.text}`;
    case 'prepared':
      return `${counted(progress.sites.length, 'site')}, ${counted(progress.parameterCount, 'parameter')}`;
    case 'counted':
      return countsLine(progress);
    case 'round':
      return roundLine(progress);
    case 'report':
      return progress.report.kind === 'aborted'
        ? `${progress.round === COUNTS_ROUND ? 'class counts' : `round ${String(progress.round)}`}, attempt ${String(progress.attempt)} aborted: ${progress.report.reason}`
        : undefined;
    case 'compared':
      return undefined;
  }
}

export function createDisplay(stream: NodeJS.WriteStream): Display {
  return stream.isTTY ? new Bars(stream) : new Lines(stream);
}

class Lines implements Display {
  readonly #stream: NodeJS.WritableStream;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
  }

  show(progress: SimulationProgress): void {
    const line = lineOf(progress);
    if (line !== undefined) this.#stream.write(`${line}\n`);
  }

  close(): void {
    // Lines stay as they are.
  }
}

class Bars implements Display {
  readonly #bars: MultiBar;
  #rounds: SingleBar | undefined;
  #sites: SingleBar | undefined;
  #compared: SingleBar | undefined;

  constructor(stream: NodeJS.WriteStream) {
    const format = '{name} {bar} {value}/{total} {text}';
    this.#bars = new MultiBar({ format, stream, hideCursor: true, clearOnComplete: false }, Presets.rect);
  }

  show(progress: SimulationProgress): void {
    const line = lineOf(progress);
    if (line !== undefined) this.#bars.log(`${line}\n`);
    switch (progress.kind) {
      case 'report':
        this.#showReport(progress);
        return;
      case 'round': {
        const { rounds, result } = progress;
        const auc = formatMetric(result.validation?.['auc']);
        const text = `validation AUC ${auc}, ${formatDuration(remainingMs(progress))} left`;
        this.#rounds ??= this.#bars.create(rounds, 0, { name: 'rounds ', text: '' });
        this.#rounds.update(result.round, { text });
        return;
      }
      case 'compared':
        this.#compared ??= this.#bars.create(progress.total, 0, { name: 'compare', text: '' });
        this.#compared.update(progress.done, { text: 'trainings to compare with' });
        return;
      case 'stage':
      case 'notice':
      case 'prepared':
      case 'counted':
        return;
    }
  }

  #showReport({ report }: Extract<SimulationProgress, { kind: 'report' }>): void {
    if (report.kind === 'phaseEntered') {
      this.#sites ??= this.#bars.create(report.cohortSize, 0, { name: 'sites  ', text: '' });
      this.#sites.setTotal(report.cohortSize);
      if (report.phase === 'selecting') this.#sites.update(0);
      this.#sites.update({ text: report.phase });
    }
    if (report.kind === 'updateAccepted') this.#sites?.increment();
  }

  close(): void {
    this.#bars.stop();
  }
}

const TABLE_METRICS = ['accuracy', 'balancedAccuracy', 'auc'] as const;

/** The comparison as plain tables, on the whole test set and by site, in words, and what it took. */
export function resultTable(result: FederationResult): string {
  const methods = comparedMethods(result);
  const main = [
    ['on the held-out test set', 'accuracy', 'balanced accuracy', 'AUC'],
    ...methods.map(({ label, metrics }) => [
      label,
      ...TABLE_METRICS.map((name) => formatEstimate(metrics[name])),
    ]),
  ];
  const bytes = result.rounds.reduce((sum, round) => sum + (round.bytesUp ?? 0), 0);
  const perSite = formatBytes(bytes / Math.max(1, result.sites.length));
  return [
    ...alignedRows(main),
    '',
    ...siteTable(result, methods),
    headline(result),
    '',
    `95 % intervals. Sent by each site: ${perSite} in ${counted(result.rounds.length, 'round')}.`,
    '',
  ].join('\n');
}

/** More sites than these are in sites.csv and in the report. */
const LISTED_SITES = 20;

/** Each site's own model, the shared one and what is gained, on the site's share of the test set. */
function siteTable({ siteTests = [] }: FederationResult, methods: readonly ComparedMethod[]): string[] {
  if (siteTests.length === 0 || siteTests.length > LISTED_SITES) return [];
  const gains = siteTests.map((site) => gainText(site) ?? '');
  const rows = siteTests.map(({ site, classCounts, figures }, i) => [
    site,
    formatCount(classCounts.reduce((a, b) => a + b, 0)),
    ...methods.map(({ name }) => formatEstimate(figures[name]?.accuracy ?? {})),
    gains[i] ?? '',
  ]);
  const gained = gains.some(Boolean) ? 'gain, points' : '';
  return [
    ...alignedRows([
      ['on each site’s share, accuracy', 'images', ...methods.map(({ label }) => label), gained],
      ...rows,
    ]),
    '',
  ];
}
