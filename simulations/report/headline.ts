/** What came out, in sentences for people who do not read tables: did federating help, whom, and by how much. */
import type { Estimate } from '../../shared/learning/metrics/evaluation.ts';
import { formatPercent, formatPoints, NO_BREAK } from '../../shared/format.ts';
import { comparedMethods } from './methods.ts';
import type { FederationResult, MethodName, SiteTest } from './result-types.ts';

/** One to three sentences. */
export function headline(result: FederationResult): string {
  return [verdict(result), pooledSentence(result), sitesSentence(result)].filter(Boolean).join(' ');
}

type Accuracies = Readonly<Partial<Record<MethodName, Estimate>>>;

function accuraciesOf(result: FederationResult): Accuracies {
  return Object.fromEntries(comparedMethods(result).map(({ name, metrics }) => [name, metrics.accuracy]));
}

/** What the hospitals use in the end: with FedBN the global model alone says nothing. */
const usedOf = ({ personalised, federated }: Accuracies): Estimate => personalised ?? federated ?? {};

function verdict(result: FederationResult): string {
  const accuracies = accuraciesOf(result);
  const { value, interval } = usedOf(accuracies);
  if (value === undefined) return '';
  const range =
    interval === undefined
      ? ''
      : ` (95${NO_BREAK}%: ${(100 * interval.low).toFixed(1)}–${formatPercent(interval.high)})`;
  const used = accuracies.personalised ? 'the shared model as each hospital uses it' : 'the shared model';
  const fact = `on images that no hospital has trained on, ${used} is right in ${formatPercent(value)} of cases${range}`;
  const alone = accuracies.local?.value;
  if (alone === undefined) return `${fact.slice(0, 1).toUpperCase()}${fact.slice(1)}.`;
  return `${judgement(result.gains?.overLocal, value - alone)}: ${fact}, a hospital’s own model in ${formatPercent(alone)} on average.`;
}

/** Only a difference whose interval leaves out zero is called one. */
function judgement(gain: Estimate | undefined, difference: number): string {
  const { low = difference, high = difference } = gain?.interval ?? {};
  if (low > 0) return 'Federating helped';
  return high < 0 ? 'Federating did harm' : 'Federating made no clear difference';
}

function pooledSentence(result: FederationResult): string {
  const accuracies = accuraciesOf(result);
  const pooled = accuracies.pooled?.value;
  const shared = usedOf(accuracies).value;
  if (pooled === undefined || shared === undefined) return '';
  const fact = `A model trained on all images in one place, which hospitals cannot do, is right in ${formatPercent(pooled)}`;
  const alone = accuracies.local?.value;
  if (shared >= pooled) return `${fact}: no better than the shared one.`;
  if (alone === undefined || shared <= alone) return `${fact}.`;
  return `${fact}: federating makes up ${((100 * (shared - alone)) / (pooled - alone)).toFixed(0)} % of the distance.`;
}

function sitesSentence({ siteTests = [] }: FederationResult): string {
  const gains = siteTests.flatMap(({ site, gain }) =>
    gain?.value === undefined ? [] : [{ site, value: gain.value, gain }],
  );
  if (gains.length < 2) return '';
  const sorted = gains.toSorted((a, b) => b.value - a.value);
  const better = sorted.filter(({ value }) => value > 0);
  const worse = sorted.filter(({ value }) => value < 0);
  const most = better[0];
  const least = worse.at(-1);
  const clearly = better.filter(({ gain }) => (gain.interval?.low ?? 0) > 0).length;
  const who =
    better.length === 0
      ? `none of ${String(gains.length)} hospitals does better with it than alone`
      : `${String(better.length)} of ${String(gains.length)} hospitals ${better.length === 1 ? 'does' : 'do'} better with it than alone`;
  const how = clearly === better.length ? '' : ` (${String(clearly)} of them clearly)`;
  return [
    `On test images like their own, ${who}${how}`,
    ...(most ? [`, most of all ${most.site} (${formatPoints(most.value)})`] : []),
    ...(least
      ? [
          `; ${worse.length === 1 ? 'worse off is' : 'worst off is'} ${least.site} (${formatPoints(least.value)})`,
        ]
      : []),
    '.',
  ].join('');
}

/** "+4.2 points (−1.0 to +9.3)" of a site; undefined where it was not compared. */
export function gainText({ gain }: SiteTest): string | undefined {
  if (gain?.value === undefined) return undefined;
  const { value, interval } = gain;
  const range = interval ? ` (${formatPoints(interval.low, '')} to ${formatPoints(interval.high, '')})` : '';
  return `${formatPoints(value, '')}${range}`;
}
