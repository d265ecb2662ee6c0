/** The fields of a plan that most people change, for a form over the text. */
import { STRATEGY_NAMES, STRATEGY_SUMMARIES } from '../../../../shared/protocol/strategy.ts';
import type { FieldPath } from './plan-draft.ts';

interface Common {
  readonly label: string;
  readonly hint?: string;
  /** Takes a row of its own. */
  readonly isWide?: boolean;
  /** All are set together; the first is the one that is read. */
  readonly paths: readonly [FieldPath, ...FieldPath[]];
}

export type PlanField =
  | (Common & { readonly kind: 'text' })
  /** Texts separated by commas. */
  | (Common & { readonly kind: 'list' })
  | (Common & {
      readonly kind: 'number';
      readonly isWhole?: boolean;
      /** What is typed times this is what the plan says. */
      readonly factor?: number;
    })
  | (Common & {
      readonly kind: 'choice';
      readonly options: readonly { readonly value: string; readonly label: string }[];
      /** The value stands in this member of the object at the path; choosing sets the object anew. */
      readonly member?: string;
      /** Set as a text although it may be an object. */
      readonly isShort?: boolean;
    })
  | (Common & { readonly kind: 'yes' });

export interface FieldGroup {
  readonly title: string;
  readonly fields: readonly PlanField[];
}

const plain = (...values: readonly string[]) => values.map((value) => ({ value, label: value }));

export const FIELD_GROUPS: readonly FieldGroup[] = [
  {
    title: 'Task',
    fields: [
      { kind: 'text', label: 'Name', paths: [['task', 'name']] },
      {
        kind: 'list',
        label: 'Classes',
        hint: 'Separated by commas, in the order of their numbers',
        paths: [['task', 'classNames']],
      },
      {
        ...{ kind: 'number', isWhole: true, label: 'Image height', hint: 'Pixels' },
        paths: [
          ['task', 'imageDims', 1],
          ['preprocessing', 'size', 'height'],
        ],
      },
      {
        ...{ kind: 'number', isWhole: true, label: 'Image width', hint: 'Pixels' },
        paths: [
          ['task', 'imageDims', 2],
          ['preprocessing', 'size', 'width'],
        ],
      },
      {
        ...{ kind: 'number', isWhole: true, label: 'Channels', hint: '1 grey, 3 colour' },
        paths: [['task', 'imageDims', 0]],
      },
      {
        ...{ kind: 'choice', member: 'name', label: 'Architecture', paths: [['architecture']] },
        options: plain('cnn', 'resnet', 'mobile'),
      },
    ],
  },
  {
    title: 'At each site',
    fields: [
      {
        ...{
          kind: 'number',
          isWhole: true,
          label: 'Local epochs',
          hint: 'Passes over the images in a round',
        },
        paths: [['training', 'epochs']],
      },
      {
        ...{ kind: 'number', isWhole: true, label: 'Batch size', hint: 'Images' },
        paths: [['training', 'batchSize']],
      },
      { kind: 'number', label: 'Learning rate', paths: [['training', 'learningRate']] },
      {
        ...{ kind: 'choice', member: 'kind', label: 'Optimiser', paths: [['training', 'optimizer']] },
        options: plain('adamw', 'adam', 'sgd'),
      },
    ],
  },
  {
    title: 'Federation',
    fields: [
      { kind: 'number', isWhole: true, label: 'Rounds', paths: [['federation', 'rounds']] },
      {
        ...{ kind: 'number', isWhole: true, label: 'Minimum cohort', hint: 'Sites that a round begins with' },
        paths: [['federation', 'minimumCohort']],
      },
      {
        ...{ kind: 'number', isWhole: true, label: 'Minimum survivors', hint: 'Updates that make a model' },
        paths: [['federation', 'minimumSurvivors']],
      },
      {
        ...{ kind: 'number', factor: 60_000, label: 'Deadline of training', hint: 'Minutes' },
        paths: [['federation', 'deadlinesMs', 'training']],
      },
      {
        ...{ kind: 'choice', member: 'name', isShort: true, isWide: true, label: 'Strategy' },
        paths: [['federation', 'strategy']],
        options: STRATEGY_NAMES.map((name) => ({
          value: name,
          label: `${name}: ${STRATEGY_SUMMARIES[name]}`,
        })),
      },
    ],
  },
  {
    title: 'Protection and evaluation',
    fields: [
      {
        ...{
          kind: 'choice',
          member: 'mode',
          isWide: true,
          label: 'Protection of updates',
          paths: [['protection']],
        },
        options: [
          { value: 'secure-aggregation', label: 'secure aggregation: nobody sees a single update' },
          { value: 'box', label: 'box: only the coordinator sees updates' },
          { value: 'plain', label: 'plain: not encrypted, for public data only' },
        ],
      },
      {
        ...{ kind: 'yes', isWide: true, label: 'The small cohort is acknowledged (three or four sites)' },
        paths: [['protection', 'smallCohortAcknowledged']],
      },
      {
        ...{
          kind: 'number',
          factor: 0.01,
          label: 'Local validation',
          hint: '% of the patients of each site',
        },
        paths: [['evaluation', 'localValidationFraction']],
      },
      { kind: 'number', isWhole: true, label: 'Seed', paths: [['seed']] },
    ],
  },
];
