/** What the person at the keyboard sees: bars on a terminal, lines elsewhere, the results as a plain table. */
import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { alignedRows } from '../report/text-table.ts';
import type { MetricName } from '../../shared/learning/metrics/evaluation.ts';
import { formatDuration, formatEstimate, formatInterval, formatMetric } from '../../shared/format.ts';
import { METRIC_LABELS } from '../../shared/learning/metrics/labels.ts';
import type { SeedResult, TrainResult } from '../report/result-types.ts';
import { summariseSeeds } from '../report/train-report.ts';
import type { SeedProgress } from './seed-task.ts';

export interface TrainDisplay {
  /** A line that stays. */
  note(text: string): void;
  show(progress: SeedProgress): void;
  /** Ends the bars; can be called twice. */
  close(): void;
}

export type DisplayKind = 'bars' | 'lines' | 'none';

function epochLine({ seed, result }: Extract<SeedProgress, { kind: 'epoch' }>, epochs: number): string {
  const { epoch, loss, validation } = result;
  return (
    `seed ${String(seed)}, epoch ${String(epoch)}/${String(epochs)}: loss ${formatMetric(loss)}, ` +
    `validation accuracy ${formatMetric(validation?.['accuracy'])}, AUC ${formatMetric(validation?.['auc'])}`
  );
}

/** @param epochs of each training */
export function createTrainDisplay(
  kind: DisplayKind,
  stream: NodeJS.WritableStream,
  epochs: () => number,
): TrainDisplay {
  switch (kind) {
    case 'bars':
      return new Bars(stream);
    case 'lines':
      return {
        note: (text) => stream.write(`${text}\n`),
        show: (progress) => {
          if (progress.kind === 'epoch') stream.write(`${epochLine(progress, epochs())}\n`);
        },
        close: () => undefined,
      };
    case 'none':
      return { note: () => undefined, show: () => undefined, close: () => undefined };
  }
}

class Bars implements TrainDisplay {
  readonly #bars: MultiBar;
  readonly #stream: NodeJS.WritableStream;
  readonly #bySeed = new Map<number, SingleBar>();
  readonly #validation = new Map<number, string>();
  #closed = false;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
    const format =
      'seed {seed} {bar} {percentage} %, epoch {epoch}, loss {loss}{validation}, {eta_formatted} left';
    this.#bars = new MultiBar(
      { format, stream, hideCursor: true, barsize: 24, gracefulExit: false },
      Presets.rect,
    );
  }

  note(text: string): void {
    if (this.#bySeed.size > 0) this.#bars.log(`${text}\n`);
    else this.#stream.write(`${text}\n`);
  }

  show(progress: SeedProgress): void {
    const { seed } = progress;
    if (progress.kind === 'epoch') {
      this.#validation.set(seed, `, validation AUC ${formatMetric(progress.result.validation?.['auc'])}`);
      return;
    }
    const { step, totalSteps, epoch, loss } = progress;
    const known = { seed, epoch, loss: formatMetric(loss), validation: this.#validation.get(seed) ?? '' };
    const bar = this.#bySeed.get(seed) ?? this.#bars.create(totalSteps, 0, known);
    this.#bySeed.set(seed, bar);
    bar.update(step, known);
  }

  close(): void {
    // Stopping twice would move the cursor up, over what was written since.
    if (!this.#closed) this.#bars.stop();
    this.#closed = true;
  }
}

/** In the order of the table. */
const TABLE_METRICS = [
  'accuracy',
  'balancedAccuracy',
  'auc',
  'averagePrecision',
  'macroF1',
  'logLoss',
  'calibrationError',
] as const satisfies readonly MetricName[];

/** The test results: of one training with its interval, of several with mean, standard deviation and interval. */
export function resultTable({ seeds }: TrainResult): string {
  const [first] = seeds;
  if (first === undefined) return '';
  const rows = seeds.length === 1 ? singleRows(first) : severalRows(seeds);
  return alignedRows(rows).join('\n');
}

function singleRows({ test, bestEpoch, durationMs }: SeedResult): string[][] {
  return [
    ['on the test images', `value (95 %, ${String(test.exampleCount)} images)`],
    ...TABLE_METRICS.map((name) => [METRIC_LABELS[name], formatEstimate(test.metrics[name])]),
    ['kept epoch', String(bestEpoch ?? '–')],
    ['time', formatDuration(durationMs ?? 0)],
  ];
}

function severalRows(seeds: readonly SeedResult[]): string[][] {
  const summaries = summariseSeeds(seeds);
  return [
    [
      'on the test images',
      'mean',
      'std. dev.',
      '95 % of the mean',
      ...seeds.map(({ seed }) => `seed ${String(seed)}`),
    ],
    ...TABLE_METRICS.map((name) => {
      const { mean, standardDeviation, interval } = summaries[name];
      const values = seeds.map(({ test }) => formatMetric(test.metrics[name].value));
      return [
        METRIC_LABELS[name],
        formatMetric(mean),
        formatMetric(standardDeviation),
        formatInterval(interval),
        ...values,
      ];
    }),
    ['kept epoch', '', '', '', ...seeds.map(({ bestEpoch }) => String(bestEpoch ?? '–'))],
    ['time', '', '', '', ...seeds.map(({ durationMs }) => formatDuration(durationMs ?? 0))],
  ];
}
