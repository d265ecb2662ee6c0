/** The card of a published model, as Markdown: what it is, where it comes from, how it was judged, what it is not. */
import { PLAIN_PROTECTION_WARNING } from '../../shared/protocol/protection.ts';
import { summarisePlan } from '../../shared/protocol/plan-summary.ts';
import { hashPlan, type Plan } from '../../shared/protocol/plan.ts';
import type { AttemptView } from '../storage/attempt-view.ts';
import type { Publication } from './published-model.ts';

/** Text that is neither markup nor a table's border, on one line: names come from others. */
const plain = (text: string): string =>
  text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_[\]<>|#&]/g, (character) => `\\${character}`);

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function protectionText({ protection, federation }: Plan): string {
  switch (protection.mode) {
    case 'secure-aggregation':
      return `Secure aggregation: the coordinator has seen sums of at least ${String(federation.minimumSurvivors)} updates and no single one. Model weights may still hold traces of single images.`;
    case 'box':
      return 'Updates were encrypted for the coordinator, which has seen each of them. Model weights may hold traces of single images.';
    case 'plain':
      return PLAIN_PROTECTION_WARNING;
  }
}

type Published = Extract<AttemptView, { outcome: 'published' }>;

function evaluationParts(attempt: Published | undefined): string[] {
  const rows = Object.entries(attempt?.metrics ?? {}).map(([name, value]) => [plain(name), value.toFixed(4)]);
  if (rows.length === 0) return ['The coordinator held no validation images: this model was not judged.'];
  return [
    'On the validation images of the coordinator, with which the best round was chosen: too good by a little for that reason.',
    table(['Metric', 'Value'], rows),
  ];
}

/** @param attempts of the run */
export function modelCard({ runId, plan, model }: Publication, attempts: readonly AttemptView[]): string {
  const until = attempts.filter(({ round }) => round <= model.round);
  const published = until.filter((attempt) => attempt.outcome === 'published');
  const sites = [...new Set(published.flatMap(({ survivors }) => survivors))].sort();
  const sections: readonly (readonly [title: string, ...parts: string[]])[] = [
    [
      'Model',
      table(
        ['', ''],
        [
          ['Network', plain(plan.architecture?.name ?? 'from the model file that the plan names')],
          ['Parameters', String(plan.parameterCount)],
          ['Input', `${plan.task.imageDims.join(' × ')} (channels, height, width)`],
          ['Classes', plain(plan.task.classNames.join(', '))],
          ['Run', plain(runId)],
          ['Round', String(model.round)],
          ['Plan (SHA-512)', `\`${hashPlan(plan)}\``],
          ['Weights (SHA-512)', `\`${model.modelHash}\``],
        ],
      ),
    ],
    ['Training', ...summarisePlan(plan).map((line) => `- ${plain(line)}`)],
    [
      'Sites',
      `${String(sites.length)} sites have contributed until this round: ${plain(sites.join(', '))}.`,
      `${String(until.length - published.length)} attempts ended without a model.`,
    ],
    ['Validation', ...evaluationParts(published.find(({ round }) => round === model.round))],
    [
      'Intended use and limits',
      'A research model. It is no medical device and must not decide about patients.',
      'It was judged on images like those above; other scanners, populations and diseases need their own test.',
    ],
    ['Privacy', plain(protectionText(plan))],
  ];
  const text = sections.map(([title, ...parts]) => [`## ${title}`, ...parts].join('\n\n'));
  return `${[`# Model card: ${plain(plan.task.name)}`, ...text].join('\n\n')}\n`;
}
