/** A model card as Markdown: names of classes and sites come from others and are escaped. */
import { formatCount, formatEstimate, formatMetric } from '../../shared/format.ts';
import { CLASS_METRIC_LABELS, METRIC_LABELS } from '../../shared/learning/metrics/labels.ts';
import { CLASS_METRIC_NAMES } from '../../shared/learning/metrics/evaluation.ts';
import { CARD_METRICS, estimateOf, type ModelCard } from './card.ts';
import { SUBGROUP_LABELS } from '../report/subgroup-blocks.ts';
import type { CardEvaluation } from './run-files.ts';

/** Text that is neither markup nor a table's border, on one line. */
const plain = (text: string): string =>
  text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_[\]<>|#&]/g, (character) => `\\${character}`);

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

const list = (items: readonly string[]): string => items.map((item) => `- ${plain(item)}`).join('\n');

export function cardMarkdown(card: ModelCard): string {
  const { model, intendedUse, data, evaluation, limits, privacy } = card;
  const sections: readonly (readonly [title: string, ...parts: string[]])[] = [
    ['Model', modelTable(model)],
    ['Intended use', plain(intendedUse.statement), `Not for:\n\n${list(intendedUse.outOfScope)}`],
    ['Data', ...dataParts(data)],
    ['Test results', ...evaluationParts(evaluation)],
    ['Subgroups', subgroupTable(card)],
    ['Calibration', calibrationText(card)],
    ['Limits', list(limits)],
    ['Privacy', plain(privacy.text), `Protection: ${plain(privacy.protection)}.`],
    ['Licence and contact', `Model: ${plain(card.licence)}`, `Contact: ${plain(card.contact)}`],
    [
      'Sources',
      'Every figure above was read from these files of the run.',
      table(
        ['File', 'SHA-256'],
        card.sources.map(({ file, sha256 }) => [plain(file), `\`${sha256}\``]),
      ),
    ],
  ];
  const text = sections.map(([title, ...parts]) => [`## ${title}`, ...parts].join('\n\n'));
  return `${[`# Model card: ${plain(card.title)}`, ...text].join('\n\n')}\n`;
}

function modelTable(model: ModelCard['model']): string {
  const rows = [
    ['Architecture', plain(model.architecture)],
    ['Parameters', formatCount(model.parameterCount)],
    ['Input', `${model.imageDims.join(' × ')} (channels, height, width)`],
    ['Classes', plain(model.classNames.join(', '))],
    ['Training', plain(model.training)],
    ['Made by', plain(model.madeBy)],
    ...(model.planHash === undefined ? [] : [['Plan', `\`${model.planHash}\``]]),
    ['Weights (SHA-512)', `\`${model.weightsSha512}\``],
  ];
  return table(['', ''], rows);
}

function dataParts({ dataset, synthetic, licence, classNames, splits, sites }: ModelCard['data']): string[] {
  const counts = (rows: ModelCard['data']['splits'], title: string): string =>
    table(
      [title, ...classNames.map(plain), 'all'],
      rows.map(({ name, counts: values }) => [
        plain(name),
        ...values.map(formatCount),
        formatCount(values.reduce((a, b) => a + b, 0)),
      ]),
    );
  return [
    `${plain(dataset)}${synthetic ? ' (generated images, none of patients)' : ''}. Licence: ${plain(licence)}`,
    counts(splits, 'Images'),
    ...(sites.length > 0 ? [counts(sites, 'Training images of site')] : []),
  ];
}

function evaluationParts({
  exampleCount,
  patientCount,
  metrics,
  classes,
  bootstrap,
}: CardEvaluation): string[] {
  const patients = patientCount === undefined ? '' : ` of ${formatCount(patientCount)} patients`;
  const how = bootstrap
    ? ` 95 % intervals: bootstrap over ${bootstrap.unit}s, ${formatCount(bootstrap.replicates)} resamples.`
    : '';
  return [
    `${formatCount(exampleCount)} images${patients}, of which none was used in training or for choosing the model.${how}`,
    table(
      ['Metric', 'Value (95 % interval)'],
      CARD_METRICS.map((name) => [METRIC_LABELS[name], formatEstimate(estimateOf(metrics, name))]),
    ),
    table(
      ['Class', 'Images', ...CLASS_METRIC_NAMES.map((name) => CLASS_METRIC_LABELS[name])],
      classes.map(({ name, support, metrics: own }) => [
        plain(name),
        formatCount(support),
        ...CLASS_METRIC_NAMES.map((metric) => formatMetric(own[metric]?.value)),
      ]),
    ),
  ];
}

function subgroupTable({ subgroups }: ModelCard): string {
  if (subgroups.length === 0) return 'None are recorded.';
  return table(
    ['By', 'Group', 'Test images', METRIC_LABELS.accuracy, METRIC_LABELS.auc],
    subgroups.map(({ attribute, group, exampleCount, metrics }) => [
      attribute === 'site' ? 'Site' : SUBGROUP_LABELS[attribute],
      plain(group),
      formatCount(exampleCount),
      formatEstimate(estimateOf(metrics, 'accuracy')),
      formatEstimate(estimateOf(metrics, 'auc')),
    ]),
  );
}

function calibrationText({ calibration }: ModelCard): string {
  const { temperature, exampleCount, logLossBefore, logLossAfter, testCalibrationError } = calibration;
  const test = `Expected calibration error on the test images, before any temperature: ${formatEstimate(testCalibrationError)}.`;
  if (logLossBefore === undefined || logLossAfter === undefined) return `Not calibrated. ${test}`;
  return `Temperature ${temperature.toFixed(3)}, fitted on ${formatCount(exampleCount)} validation images: log loss there ${formatMetric(logLossBefore)} before, ${formatMetric(logLossAfter)} after. ${test}`;
}
