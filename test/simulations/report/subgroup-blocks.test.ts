import { describe, expect, it } from 'vitest';
import { federationReport } from '../../../simulations/report/federation-report.ts';
import { subgroupsSection } from '../../../simulations/report/subgroup-blocks.ts';
import { trainReport } from '../../../simulations/report/train-report.ts';
import type { SubgroupTest } from '../../../simulations/report/result-types.ts';
import { exampleEvaluation, exampleFederation, exampleTraining } from './example-results.ts';

const { metrics } = exampleEvaluation({ classNames: ['a', 'b'], strength: 2, seed: 5 });
const subgroupTests: SubgroupTest[] = [
  { attribute: 'sex', group: 'female', classCounts: [1030, 12], metrics },
  { attribute: 'location', group: 'back', classCounts: [25, 8], metrics },
];

describe('groups of patients in a report', () => {
  it('are rows with their images and figures', () => {
    const [section] = subgroupsSection(subgroupTests);
    const [table] = section?.blocks ?? [];
    if (table?.kind !== 'table') throw new Error('the section begins with a table');
    expect(table.rows.map(([first]) => [first?.text, first?.detail])).toEqual([
      ['Sex: female', '1,042 images'],
      ['Place on the body: back', '33 images'],
    ]);
    expect(table.rows.map((row) => row.length)).toEqual([table.columns.length, table.columns.length]);
    expect(table.rows[0]?.[1]?.text).toBe(metrics.accuracy.value?.toFixed(3));
  });

  it('stand in both reports where the result has them, and nowhere else', () => {
    const title = 'Groups of patients';
    const training = exampleTraining({});
    const federation = exampleFederation({ sites: 3 });
    const titlesOf = ({ sections }: ReturnType<typeof trainReport>): string[] =>
      sections.map((section) => section.title);
    expect(titlesOf(trainReport({ ...training, subgroupTests }))).toContain(title);
    expect(titlesOf(federationReport({ ...federation, subgroupTests }))).toContain(title);
    expect(titlesOf(trainReport(training))).not.toContain(title);
    expect(titlesOf(federationReport(federation))).not.toContain(title);
    expect(subgroupsSection([])).toEqual([]);
  });
});
