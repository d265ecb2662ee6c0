/** Metrics by subgroup (site, sex, age band, scanner): the worst group and the gap, which an average hides. */
import type { MetricName } from './evaluation.ts';
import { LOSSES } from './evaluation.ts';
import { prepareExamples, type Examples } from './examples.ts';
import { MetricError } from './metric-error.ts';
import { scoreExamples } from './scores.ts';

export interface SubgroupScores {
  readonly group: string;
  readonly exampleCount: number;
  readonly metrics: Readonly<Record<MetricName, number | undefined>>;
}

/**
 * @param groups [n]: the group of each example.
 * @returns Groups in order of their names.
 * @throws MetricError as `prepareExamples`, and where `groups` has the wrong length.
 */
export function subgroupScores(examples: Examples, groups: readonly string[]): SubgroupScores[] {
  const { probabilities, labels, classCount } = examples;
  if (groups.length !== labels.length) {
    throw new MetricError(`${String(groups.length)} groups for ${String(labels.length)} examples`);
  }
  const members = new Map<string, number[]>();
  groups.forEach((group, i) => {
    const list = members.get(group);
    if (list === undefined) members.set(group, [i]);
    else list.push(i);
  });
  return [...members]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, indices]) => {
      const rows = new Float64Array(indices.length * classCount);
      indices.forEach((example, row) => {
        rows.set(probabilities.subarray(example * classCount, (example + 1) * classCount), row * classCount);
      });
      const part = {
        probabilities: rows,
        labels: Int32Array.from(indices, (i) => labels[i] ?? -1),
        classCount,
      };
      return {
        group,
        exampleCount: indices.length,
        metrics: scoreExamples(prepareExamples(part)).overall,
      };
    });
}

export interface SubgroupGap {
  readonly worst: { readonly group: string; readonly value: number };
  readonly best: { readonly group: string; readonly value: number };
  /** |best − worst|. */
  readonly gap: number;
}

/**
 * The groups between which a metric differs most.
 * @param minimumExamples Groups with fewer are left out: their values are noise.
 * @returns undefined where the metric is defined in no group.
 */
export function subgroupGap(
  groups: readonly SubgroupScores[],
  metric: MetricName,
  minimumExamples = 1,
): SubgroupGap | undefined {
  const ordered = groups
    .filter(({ exampleCount }) => exampleCount >= minimumExamples)
    .flatMap(({ group, metrics }) => {
      const value = metrics[metric];
      return value === undefined ? [] : [{ group, value }];
    })
    .sort((a, b) => a.value - b.value);
  const lowest = ordered[0];
  const highest = ordered.at(-1);
  if (lowest === undefined || highest === undefined) return undefined;
  const gap = highest.value - lowest.value;
  return LOSSES.has(metric) ? { worst: highest, best: lowest, gap } : { worst: lowest, best: highest, gap };
}
