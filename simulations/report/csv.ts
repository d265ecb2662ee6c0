/** metrics.csv and the curves as CSV, one value a line ("long" form), as statistics programs like it. */
import { csvText, type CsvField } from '../../shared/csv.ts';
import {
  CLASS_METRIC_NAMES,
  METRIC_NAMES,
  type Estimate,
  type Evaluation,
} from '../../shared/learning/metrics/evaluation.ts';
import {
  METHOD_NAMES,
  type FederationResult,
  type RoundResult,
  type SiteEvaluation,
  type TrainResult,
} from './result-types.ts';

const METRIC_HEADER = ['method', 'site', 'seed', 'class', 'metric', 'value', 'low', 'high'];

/** metrics.csv of central training: one line for each seed, class ("" = all) and metric, with its 95 % interval. */
export function trainMetricsCsv({ seeds }: TrainResult): string {
  return csvText(
    METRIC_HEADER,
    seeds.flatMap(({ seed, test }) => evaluationRows(test, ['pooled', undefined, seed])),
  );
}

/** metrics.csv of a federation: federated, pooled and the sites' own models, on the held-out global test set. */
export function federationMetricsCsv({ test, seed }: FederationResult): string {
  const { federated, pooled, local, personalised, finetuned } = test;
  const ofSites = (method: string, models: readonly SiteEvaluation[] = []): CsvField[][] =>
    models.flatMap(({ site, evaluation }) => evaluationRows(evaluation, [method, site, seed]));
  return csvText(METRIC_HEADER, [
    ...evaluationRows(federated, ['federated', undefined, seed]),
    ...(pooled === undefined ? [] : evaluationRows(pooled, ['pooled', undefined, seed])),
    ...ofSites('personalised', personalised),
    ...ofSites('finetuned', finetuned),
    ...ofSites('local', local),
  ]);
}

/** sites.csv: on each site's share of the held-out test images, by method and metric; "gain" is that of accuracy. */
export function sitesCsv({ siteTests = [] }: FederationResult): string {
  const row = (
    site: string,
    images: number,
    name: readonly [string, string],
    { value, interval }: Estimate,
  ): CsvField[] => [...[site, images, ...name], ...[value, interval?.low, interval?.high]];
  return csvText(
    ['site', 'test_images', 'method', 'metric', 'value', 'low', 'high'],
    siteTests.flatMap(({ site, classCounts, figures, gain }) => {
      const images = classCounts.reduce((a, b) => a + b, 0);
      const rows = METHOD_NAMES.flatMap((method) => {
        const metrics = figures[method];
        return metrics ? METRIC_NAMES.map((name) => row(site, images, [method, name], metrics[name])) : [];
      });
      return gain ? [...rows, row(site, images, ['federated minus local', 'gain'], gain)] : rows;
    }),
  );
}

function evaluationRows({ metrics, classes }: Evaluation, run: readonly CsvField[]): CsvField[][] {
  const row = (className: string | undefined, metric: string, { value, interval }: Estimate): CsvField[] => [
    ...run,
    className,
    metric,
    value,
    interval?.low,
    interval?.high,
  ];
  return [
    ...METRIC_NAMES.map((name) => row(undefined, name, metrics[name])),
    ...classes.flatMap((entry) =>
      CLASS_METRIC_NAMES.map((name) => row(entry.name, name, entry.metrics[name])),
    ),
  ];
}

/** Training curves: seed, epoch, metric ("loss", "learningRate", "validation.…"), value. */
export function epochCurvesCsv({ seeds }: TrainResult): string {
  return csvText(
    ['seed', 'epoch', 'metric', 'value'],
    seeds.flatMap(({ seed, epochs }) =>
      epochs.flatMap(({ epoch, loss, learningRate, validation }) =>
        [['loss', loss] as const, ['learningRate', learningRate] as const, ...validationRows(validation)].map(
          ([metric, value]): CsvField[] => [seed, epoch, metric, value],
        ),
      ),
    ),
  );
}

/** Curves of a federation: round, site ("" = global), metric, value. */
export function roundCurvesCsv(rounds: readonly RoundResult[]): string {
  return csvText(
    ['round', 'site', 'metric', 'value'],
    rounds.flatMap(({ round, sites, traffic, validation, localValidation, ...entry }) => [
      ...(['cohort', 'survivors', 'loss', 'durationMs', 'bytesUp', 'bytesDown'] as const)
        .filter((name) => entry[name] !== undefined)
        .map((name): CsvField[] => [round, undefined, name, entry[name]]),
      ...validationRows(validation).map(([name, value]): CsvField[] => [round, undefined, name, value]),
      ...localRows(localValidation).map(([name, value]): CsvField[] => [round, undefined, name, value]),
      ...(traffic ?? []).flatMap(({ site, bytesUp, bytesDown }): CsvField[][] => [
        [round, site, 'bytesUp', bytesUp],
        [round, site, 'bytesDown', bytesDown],
      ]),
      ...(sites ?? []).flatMap(({ site, loss, validation: own }): CsvField[][] => [
        [round, site, 'loss', loss],
        ...localRows(own).map(([name, value]): CsvField[] => [round, site, name, value]),
      ]),
    ]),
  );
}

/** On the sites' own validation images, with the model that the round began with. */
function localRows(
  local: { readonly loss: number; readonly accuracy: number } | undefined,
): (readonly [string, number])[] {
  if (!local) return [];
  return [
    ['localValidation.loss', local.loss],
    ['localValidation.accuracy', local.accuracy],
  ];
}

function validationRows(
  validation: Readonly<Record<string, number>> | undefined,
): (readonly [string, number])[] {
  return Object.entries(validation ?? {}).map(([name, value]) => [`validation.${name}`, value] as const);
}

/** ROC and precision-recall curves of an evaluation: class, curve, x, y. */
export function curvePointsCsv({ classes }: Evaluation): string {
  return csvText(
    ['class', 'curve', 'x', 'y'],
    classes.flatMap(({ name, roc, precisionRecall }) => [
      ...roc.map(([x, y]): CsvField[] => [name, 'roc', x, y]),
      ...precisionRecall.map(([x, y]): CsvField[] => [name, 'precisionRecall', x, y]),
    ]),
  );
}
