/** What the ways to train are called, in what order they are shown, and what each reaches. */
import {
  METRIC_NAMES,
  type Estimate,
  type Evaluation,
  type MetricName,
} from '../../shared/learning/metrics/evaluation.ts';
import { summarise } from '../../shared/learning/metrics/summary.ts';
import { METHOD_NAMES, type FederationResult, type MethodName, type SiteEvaluation } from './result-types.ts';

export const METHOD_LABELS: Readonly<Record<MethodName, string>> = {
  local: 'Local only',
  federated: 'Federated',
  personalised: 'Federated, personalised',
  finetuned: 'Federated, fine-tuned',
  pooled: 'Pooled',
};

/** One of the ways to train that are compared. */
export interface ComparedMethod {
  readonly name: MethodName;
  readonly label: string;
  readonly metrics: Readonly<Record<MetricName, Estimate>>;
}

/** Local only, federated, personalised, fine-tuned, pooled: those that the result holds; of the sites' models the mean. */
export function comparedMethods({ test }: FederationResult): ComparedMethod[] {
  return METHOD_NAMES.flatMap((name) => {
    const metrics = metricsOf(test[name]);
    return metrics ? [{ name, label: METHOD_LABELS[name], metrics }] : [];
  });
}

function metricsOf(
  tested: Evaluation | readonly SiteEvaluation[] | undefined,
): Readonly<Record<MetricName, Estimate>> | undefined {
  if (tested === undefined) return undefined;
  if ('metrics' in tested) return tested.metrics;
  return tested.length === 0 ? undefined : meanOverSites(tested.map(({ evaluation }) => evaluation));
}

/** The mean of the values that there are, with its 95 % t-interval. */
export function meanEstimate(values: readonly (number | undefined)[]): Estimate {
  const { mean, interval } = summarise(values);
  return { ...(mean !== undefined && { value: mean }), ...(interval && { interval }) };
}

/** Of each metric the mean over the sites' models, with the 95 % t-interval of that mean. */
export function meanOverSites(evaluations: readonly Evaluation[]): Record<MetricName, Estimate> {
  const entries = METRIC_NAMES.map((name): [MetricName, Estimate] => [
    name,
    meanEstimate(evaluations.map(({ metrics }) => metrics[name].value)),
  ]);
  // Object.fromEntries forgets the names' union; METRIC_NAMES is all of it.
  return Object.fromEntries(entries) as Record<MetricName, Estimate>;
}
