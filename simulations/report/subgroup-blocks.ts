/** How the model does on groups of patients and devices, which an average hides. */
import { formatCount } from '../../shared/format.ts';
import type { SubgroupAttribute } from '../../shared/data/subgroups.ts';
import { METRIC_LABELS } from '../../shared/learning/metrics/labels.ts';
import { estimateCell } from './evaluation-blocks.ts';
import type { Section } from './model.ts';
import type { SubgroupTest } from './result-types.ts';

export const SUBGROUP_LABELS: Readonly<Record<SubgroupAttribute, string>> = {
  sex: 'Sex',
  age: 'Age',
  scanner: 'Scanner',
  location: 'Place on the body',
};

const SHOWN = ['accuracy', 'balancedAccuracy', 'auc'] as const;

/** Nothing where the data say nothing of the kind. */
export function subgroupsSection(tests: readonly SubgroupTest[] = []): Section[] {
  if (tests.length === 0) return [];
  return [
    {
      title: 'Groups of patients',
      text:
        'The same model on parts of the held-out test images, by what the data say of each image. ' +
        'Groups differ in their diseases as well, so that a gap is a reason to look closer, not yet a finding.',
      blocks: [
        {
          kind: 'table',
          caption: 'Test results by group',
          columns: [
            { label: 'Group', numeric: false },
            ...SHOWN.map((name) => ({ label: METRIC_LABELS[name], numeric: true })),
          ],
          rows: tests.map(({ attribute, group, classCounts, metrics }) => [
            {
              text: `${SUBGROUP_LABELS[attribute]}: ${group}`,
              detail: `${formatCount(classCounts.reduce((a, b) => a + b, 0))} images`,
            },
            ...SHOWN.map((name) => estimateCell(metrics[name])),
          ]),
        },
      ],
    },
  ];
}
