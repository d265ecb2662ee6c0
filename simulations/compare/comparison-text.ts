/** The comparison of two runs for the terminal and as JSON. */
import type { MetricName } from '../../shared/learning/metrics/evaluation.ts';
import { formatEstimate } from '../../shared/format.ts';
import { METRIC_LABELS } from '../../shared/learning/metrics/labels.ts';
import { alignedRows } from '../report/text-table.ts';
import type { RunComparison } from './compare-runs.ts';
import { signed } from './comparison-report.ts';

/** The others are in the report. */
const SHOWN: readonly MetricName[] = ['accuracy', 'balancedAccuracy', 'auc', 'calibrationError'];

/** Digests and texts of many lists would widen every column. */
const MAX_CELL = 48;

const cell = (text = '–'): string => (text.length > MAX_CELL ? `${text.slice(0, MAX_CELL - 1)}…` : text);

export function comparisonText({ a, b, settings, rows, headline }: RunComparison): string {
  const labels = [...new Set([...a.facts, ...b.facts].map(([label]) => label))];
  const factIn = (facts: typeof a.facts, label: string): string =>
    cell(facts.find(([known]) => known === label)?.[1]);
  const blocks = [
    [
      ['', 'A', 'B'],
      ['run', cell(a.name), cell(b.name)],
      ...labels.map((label) => [label, factIn(a.facts, label), factIn(b.facts, label)]),
    ],
    settings.length === 0
      ? [['the settings are the same']]
      : [
          ['settings that differ', 'A', 'B'],
          ...settings.map((entry) => [entry.name, cell(entry.a), cell(entry.b)]),
        ],
    [
      ['on the held-out test set', '', 'A', 'B', 'B − A'],
      ...rows
        .filter(({ metric }) => SHOWN.includes(metric))
        .map(({ method, metric, ...row }) => [
          method,
          METRIC_LABELS[metric],
          formatEstimate(row.a),
          formatEstimate(row.b),
          signed(row.difference),
        ]),
    ],
  ];
  return `${blocks.map((block) => alignedRows(block).join('\n')).join('\n\n')}\n\n${headline}\n`;
}

export function comparisonJson({ a, b, ...rest }: RunComparison): string {
  const runs = [a, b].map(({ name, title, main, methods, sites, curve, facts }) => ({
    ...{ name, title, main, methods, sites, curve },
    facts: Object.fromEntries(facts),
  }));
  return `${JSON.stringify({ a: runs[0], b: runs[1], ...rest }, undefined, 2)}\n`;
}
