/** What the person at the keyboard sees: progress on stderr (bars on a terminal, lines otherwise), tables on stdout. */
import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { comparedMethods } from './report/federation-report.ts';
import { formatBytes, formatDuration, formatEstimate, formatMetric } from './report/format.ts';
import type { FederationResult } from './report/result-types.ts';
import type { SimulationProgress } from './progress.ts';

export interface Display {
  show(progress: SimulationProgress): void;
  /** Removes the bars; what was said stays. */
  close(): void;
}

type RoundProgress = Extract<SimulationProgress, { kind: 'round' }>;

function roundLine({ result, rounds }: RoundProgress): string {
  const { round, survivors, cohort, loss, validation, durationMs, dropped } = result;
  const drops = (dropped ?? []).map(({ site, reason }) => ` – ${site} dropped (${reason})`).join('');
  return (
    `round ${String(round)}/${String(rounds)}: ${String(survivors)} of ${String(cohort)} sites, ` +
    `training loss ${formatMetric(loss)}, validation AUC ${formatMetric(validation?.['auc'])}, ` +
    `accuracy ${formatMetric(validation?.['accuracy'])}, ${formatDuration(durationMs ?? 0)}${drops}`
  );
}

const STAGE_TEXT = {
  data: 'preparing the data',
  federation: 'federated rounds',
  comparison: 'training local-only and pooled models for comparison',
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
      return `${String(progress.sites.length)} sites, ${String(progress.parameterCount)} parameters`;
    case 'round':
      return roundLine(progress);
    case 'report':
      return progress.report.kind === 'aborted'
        ? `round ${String(progress.round)}, attempt ${String(progress.attempt)} aborted: ${progress.report.reason}`
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
        const left = formatDuration((rounds - result.round) * (result.durationMs ?? 0));
        this.#rounds ??= this.#bars.create(rounds, 0, { name: 'rounds', text: '' });
        this.#rounds.update(result.round, { text: `${left} left` });
        return;
      }
      case 'compared':
        this.#compared ??= this.#bars.create(progress.total, 0, { name: 'compare', text: '' });
        this.#compared.update(progress.done);
        return;
      case 'stage':
      case 'notice':
      case 'prepared':
        return;
    }
  }

  #showReport({ report }: Extract<SimulationProgress, { kind: 'report' }>): void {
    if (report.kind === 'phaseEntered') {
      this.#sites ??= this.#bars.create(report.cohortSize, 0, { name: 'sites ', text: '' });
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

/** The comparison as a plain table, and what it took. */
export function resultTable(result: FederationResult): string {
  const rows = [
    ['on the held-out test set', 'accuracy', 'balanced accuracy', 'AUC'],
    ...comparedMethods(result).map(({ label, metrics }) => [
      label,
      ...TABLE_METRICS.map((name) => formatEstimate(metrics[name])),
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const bytes = result.rounds.reduce((sum, round) => sum + (round.bytesUp ?? 0), 0);
  const perSite = formatBytes(bytes / Math.max(1, result.sites.length));
  return `${lines.join('\n')}\n\n95 % intervals. Sent by each site: ${perSite} in ${String(result.rounds.length)} rounds.\n`;
}
