/**
 * The last act: every model that is compared, on the held-out global test set that nobody has seen before, and on each
 * site's share of it.
 */
import { evaluateClassifier } from '../../shared/learning/metrics/evaluate.ts';
import type { Estimate, Evaluation } from '../../shared/learning/metrics/evaluation.ts';
import { correctness, pairedDifference } from '../../shared/learning/metrics/paired-difference.ts';
import { softmax } from '../../shared/learning/metrics/probabilities.ts';
import type { Pool } from '../pool/pool.ts';
import type { ModelSpec } from '../pool/tasks.ts';
import type { SimulationHooks } from '../progress.ts';
import type { FederationResult, SiteEvaluation, SiteTest } from '../report/result-types.ts';
import type { SimulationConfig } from '../simulation-config.ts';
import { metricsOf, subgroupTests, type TestedImages } from '../subgroup-tests.ts';
import type { Comparison } from './comparison.ts';
import type { PreparedData, VirtualSite } from './prepare.ts';

interface TestInput {
  readonly config: SimulationConfig;
  readonly data: Pick<PreparedData, 'test' | 'testPatients' | 'testAttributes' | 'classNames' | 'sites'>;
  readonly model: ModelSpec;
  readonly pool: Pool;
  readonly hooks: SimulationHooks;
}

/** A model that all sites use. */
interface Judged {
  readonly evaluation: Evaluation;
  /** [test images, classes] */
  readonly probabilities: Float64Array;
  /** [test images] */
  readonly correct: Float64Array;
}

/** Models of which each site uses its own. */
interface JudgedSites {
  /** In the order of the sites; empty where the method was not compared. */
  readonly evaluations: readonly SiteEvaluation[];
  /** On the site's share of the test images, in the order of the sites. */
  readonly own: readonly OwnShare[];
  /** [test images]: mean over the sites' models. */
  readonly correct: Float64Array | undefined;
}

interface OwnShare {
  readonly metrics: Evaluation['metrics'];
  readonly correct: Float64Array;
}

/** What all of it says. */
export type Verdict = Required<Pick<FederationResult, 'test' | 'siteTests' | 'gains'>> &
  Pick<FederationResult, 'subgroupTests'>;

export async function testAll(
  input: TestInput,
  weights: Float32Array,
  comparison: Comparison,
): Promise<Verdict> {
  const federated = await judge(input, weights);
  const pooled = comparison.pooled && (await judge(input, comparison.pooled));
  const local = await judgeSites(input, comparison.local);
  const personalised = await judgeSites(input, comparison.personalised);
  const finetuned = await judgeSites(input, comparison.finetuned);
  const { sites, testAttributes } = input.data;
  const groups = subgroupTests(testedImages(input, federated.probabilities), testAttributes);
  return {
    test: {
      federated: federated.evaluation,
      ...(pooled && { pooled: pooled.evaluation }),
      ...(personalised.correct && { personalised: personalised.evaluations }),
      ...(finetuned.correct && { finetuned: finetuned.evaluations }),
      ...(local.correct && { local: local.evaluations }),
    },
    siteTests: sites.flatMap((site, index) =>
      site.testRows.length === 0
        ? []
        : [siteTest(input, site, { index, federated, pooled, local, personalised, finetuned })],
    ),
    ...(groups.length > 0 && { subgroupTests: groups }),
    gains: gainsOf(input, personalised.correct ?? federated.correct, {
      local: local.correct,
      pooled: pooled?.correct,
    }),
  };
}

async function probabilitiesOf(
  { data, model, pool, hooks }: TestInput,
  weights: Float32Array,
): Promise<Float64Array> {
  return softmax(
    await pool.predict({ model, weights, data: data.test }, hooks.signal),
    data.classNames.length,
  );
}

async function judge(input: TestInput, weights: Float32Array): Promise<Judged> {
  const { test, classNames } = input.data;
  const probabilities = await probabilitiesOf(input, weights);
  const correct = correctness(probabilities, test.labels, classNames.length);
  return { evaluation: evaluationOf(input, probabilities), probabilities, correct };
}

/** One model after the other: of each only its site's share is kept. */
async function judgeSites(input: TestInput, models: Comparison['local']): Promise<JudgedSites> {
  const evaluations: SiteEvaluation[] = [];
  const own: OwnShare[] = [];
  const correct = new Float64Array(input.data.test.count);
  for (const [index, { site, weights }] of models.entries()) {
    const judged = await judge(input, weights);
    evaluations.push({ site, evaluation: judged.evaluation });
    own.push(shareOf(input, judged, input.data.sites[index]?.testRows ?? new Int32Array()));
    for (const [i, value] of judged.correct.entries()) correct[i] = (correct[i] ?? 0) + value / models.length;
  }
  return { evaluations, own, correct: models.length > 0 ? correct : undefined };
}

function shareOf(input: TestInput, { probabilities, correct }: Judged, rows: Int32Array): OwnShare {
  return {
    metrics: shareMetrics(input, probabilities, rows),
    correct: Float64Array.from(rows, (row) => correct[row] ?? 0),
  };
}

/** Intervals resample patients, as images of one patient are not independent. */
function evaluationOf({ config, data }: TestInput, probabilities: Float64Array): Evaluation {
  const { test, classNames, testPatients } = data;
  return evaluateClassifier({
    probabilities,
    labels: test.labels,
    classNames,
    patients: testPatients,
    bootstrap: { replicates: config.bootstrapReplicates, seed: config.seed },
  });
}

/** With more sites than this nobody reads each one's interval, and making them would take longer than a round. */
const SITES_WITH_INTERVALS = 50;

function shareMetrics(
  input: TestInput,
  probabilities: Float64Array,
  rows: Int32Array,
): Evaluation['metrics'] {
  const { bootstrap, ...images } = testedImages(input, probabilities);
  const hasIntervals = input.data.sites.length <= SITES_WITH_INTERVALS;
  return metricsOf({ ...images, ...(hasIntervals && bootstrap && { bootstrap }) }, rows);
}

function testedImages({ config, data }: TestInput, probabilities: Float64Array): TestedImages {
  const { test, classNames, testPatients: patients } = data;
  const bootstrap = { replicates: config.bootstrapReplicates, seed: config.seed };
  return { probabilities, labels: test.labels, classNames, patients, bootstrap };
}

interface SiteMethods {
  readonly index: number;
  readonly federated: Judged;
  readonly pooled: Judged | undefined;
  readonly local: JudgedSites;
  readonly personalised: JudgedSites;
  readonly finetuned: JudgedSites;
}

function siteTest(
  input: TestInput,
  { name, testRows }: VirtualSite,
  { index, federated, pooled, local, personalised, finetuned }: SiteMethods,
): SiteTest {
  const { classNames, test } = input.data;
  const own = { local: local.own[index], personalised: personalised.own[index] };
  const tuned = finetuned.own[index];
  const shared = shareOf(input, federated, testRows);
  const gain = own.local && differenceOn(input, testRows, own.personalised ?? shared, own.local);
  return {
    site: name,
    classCounts: classNames.map((_, label) => testRows.filter((row) => test.labels[row] === label).length),
    figures: {
      ...(own.local && { local: own.local.metrics }),
      federated: shared.metrics,
      ...(own.personalised && { personalised: own.personalised.metrics }),
      ...(tuned && { finetuned: tuned.metrics }),
      ...(pooled && { pooled: shareMetrics(input, pooled.probabilities, testRows) }),
    },
    ...(gain && { gain }),
  };
}

function differenceOn(
  { config, data }: TestInput,
  rows: Int32Array,
  first: OwnShare,
  second: OwnShare,
): Estimate {
  return pairedDifference({
    first: first.correct,
    second: second.correct,
    patients: Array.from(rows, (row) => data.testPatients[row] ?? ''),
    replicates: config.bootstrapReplicates,
    seed: config.seed,
  });
}

function gainsOf(
  { config, data }: TestInput,
  first: Float64Array,
  others: Readonly<Record<'local' | 'pooled', Float64Array | undefined>>,
): Verdict['gains'] {
  const over = (second: Float64Array | undefined): Estimate | undefined =>
    second &&
    pairedDifference({
      ...{ first, second, patients: data.testPatients },
      ...{ replicates: config.bootstrapReplicates, seed: config.seed },
    });
  const overLocal = over(others.local);
  const overPooled = over(others.pooled);
  return { ...(overLocal && { overLocal }), ...(overPooled && { overPooled }) };
}
