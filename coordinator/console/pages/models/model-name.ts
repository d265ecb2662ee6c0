/** How a version of a model is named in addresses and choices. */
import { formatMetric } from '../../../../shared/format.ts';
import type { ModelVersion } from '../../../http/api/model-views.ts';

type Place = Pick<ModelVersion, 'runId' | 'round'>;

/** `chest:7`, as the comparison asks for it. */
export const versionKey = ({ runId, round }: Place): string => `${runId}:${String(round)}`;

export const versionName = ({ runId, round }: Place): string => `${runId}, round ${String(round)}`;

export const versionPath = ({ runId, round }: Place): string => `/models/${runId}/${String(round)}`;

/** With what tells it from the others. */
export function versionLabel(version: ModelVersion): string {
  const { score, isBest, isCurrent } = version;
  const marks = [
    ...(score === null ? [] : [`AUC ${formatMetric(score)}`]),
    ...(isBest ? ['best of its run'] : []),
    ...(isCurrent ? ['in use'] : []),
  ];
  return [versionName(version), ...marks].join(' · ');
}
