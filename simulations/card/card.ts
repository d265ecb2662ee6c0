/**
 * A model card (Mitchell et al. 2019, "Model Cards for Model Reporting", §4): what the model is, what it is for, on what it
 * was trained and tested, how well, and where not to trust it. Every figure is read from the run's files.
 */
import type { SubgroupAttribute } from '../../shared/data/subgroups.ts';
import { METRIC_NAMES, type Estimate, type MetricName } from '../../shared/learning/metrics/evaluation.ts';
import { isMedmnistName } from '../../shared/data/medmnist-names.ts';
import { MEDMNIST_REGISTRY } from '../datasets/medmnist-registry.ts';
import type { CardEvaluation, CardMetrics, RunFiles } from './run-files.ts';

/** What only people can say. */
export interface Statements {
  readonly intendedUse?: string;
  readonly licence?: string;
  readonly contact?: string;
}

export interface SubgroupFigures {
  readonly attribute: 'site' | SubgroupAttribute;
  readonly group: string;
  readonly exampleCount: number;
  readonly metrics: CardMetrics;
}

export interface ModelCard {
  readonly format: 1;
  readonly title: string;
  readonly model: {
    readonly architecture: string;
    readonly parameterCount: number;
    /** [channels, height, width] */
    readonly imageDims: readonly number[];
    readonly classNames: readonly string[];
    readonly weightsSha512: string;
    readonly planHash?: string;
    readonly madeBy: string;
    readonly training: string;
  };
  readonly intendedUse: { readonly statement: string; readonly outOfScope: readonly string[] };
  readonly data: {
    readonly dataset: string;
    readonly synthetic: boolean;
    readonly licence: string;
    readonly classNames: readonly string[];
    readonly splits: readonly { readonly name: string; readonly counts: readonly number[] }[];
    /** Training images by site and class, where sites disclose them. */
    readonly sites: readonly { readonly name: string; readonly counts: readonly number[] }[];
  };
  readonly evaluation: CardEvaluation;
  readonly subgroups: readonly SubgroupFigures[];
  readonly calibration: {
    /** 1: none. */
    readonly temperature: number;
    readonly exampleCount: number;
    readonly logLossBefore?: number;
    readonly logLossAfter?: number;
    /** On test images, before the temperature. */
    readonly testCalibrationError: Estimate;
  };
  readonly limits: readonly string[];
  readonly privacy: {
    readonly protection: string;
    readonly differentialPrivacy: unknown;
    readonly text: string;
  };
  readonly licence: string;
  readonly contact: string;
  /** SHA-256 of the files that these figures were read from. */
  readonly sources: RunFiles['digests'];
}

export const RESEARCH_ONLY =
  'Research on image classification and on federated training. Not a medical device: it has no approval, and no decision about a patient may rest on it.';

const OUT_OF_SCOPE: readonly string[] = [
  'Diagnosis, triage, screening or treatment of patients.',
  'Images of other devices, body parts, views or patients than those it was trained on.',
  'Images that show none of its classes: it always names one, unless it is told to abstain.',
];

export function cardOf(run: RunFiles, statements: Statements = {}): ModelCard {
  const { model, dataset, test, training, environment, modelNotes } = run;
  const { calibration } = modelNotes;
  return {
    format: 1,
    title: run.title,
    model: {
      architecture: model.model.graph.name,
      parameterCount: model.weights.length,
      imageDims: model.model.imageDims,
      classNames: model.description.classNames,
      weightsSha512: run.weightsDigest,
      ...(training.kind === 'federated' && { planHash: training.planHash }),
      madeBy: madeBy(environment),
      training: trainingSentence(run),
    },
    intendedUse: { statement: statements.intendedUse ?? RESEARCH_ONLY, outOfScope: OUT_OF_SCOPE },
    data: {
      ...{ dataset: dataset.name, synthetic: dataset.synthetic, licence: dataLicence(dataset) },
      ...{ classNames: dataset.classNames, splits: dataset.splits },
      sites:
        training.kind === 'federated'
          ? training.sites.map(({ name, classCounts }) => ({ name, counts: classCounts }))
          : [],
    },
    evaluation: test,
    subgroups: subgroupsOf(run),
    calibration: {
      temperature: calibration?.temperature ?? 1,
      exampleCount: calibration?.exampleCount ?? 0,
      ...(calibration && {
        logLossBefore: calibration.logLossBefore,
        logLossAfter: calibration.logLossAfter,
      }),
      testCalibrationError: estimateOf(test.metrics, 'calibrationError'),
    },
    limits: limitsOf(run),
    privacy: privacyOf(run),
    licence: statements.licence ?? 'Not stated: ask whoever made the model before using or passing it on.',
    contact: statements.contact ?? 'Not stated.',
    sources: run.digests,
  };
}

function madeBy({ consilium, commit, engine, device }: RunFiles['environment']): string {
  const program = `Consilium ${consilium ?? '(version unknown)'}${commit === undefined ? '' : `, commit ${commit}`}`;
  return [program, engine, device].filter((part) => part !== undefined).join('; ');
}

function trainingSentence({ training }: RunFiles): string {
  if (training.kind === 'federated')
    return `Federated over ${String(training.sites.length)} sites and ${String(training.rounds)} rounds; the model of the best round by validation.`;
  const seeds =
    training.seeds > 1
      ? `; the best of ${String(training.seeds)} seeds by validation, seed ${String(training.seed)}`
      : '';
  return `On all images in one place${seeds}.`;
}

/** An estimate without the keys that are undefined. */
export function estimateOf(metrics: CardMetrics, name: MetricName): Estimate {
  const { value, interval } = metrics[name] ?? {};
  return { ...(value !== undefined && { value }), ...(interval && { interval }) };
}

function dataLicence({ name, synthetic }: RunFiles['dataset']): string {
  if (synthetic) return 'None needed: the images were generated by this program.';
  const set = /^medmnist:([a-z0-9]+)/.exec(name)?.[1] ?? '';
  if (isMedmnistName(set)) return MEDMNIST_REGISTRY[set].licence;
  return 'Not recorded: ask whoever provided the images.';
}

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

/** Sites first. */
function subgroupsOf({ training, subgroupTests }: RunFiles): SubgroupFigures[] {
  const siteTests = training.kind === 'federated' ? training.siteTests : [];
  const sites = siteTests.flatMap(({ site, classCounts, figures }): SubgroupFigures[] => {
    const metrics = figures.federated;
    if (metrics === undefined) return [];
    return [{ attribute: 'site', group: site, exampleCount: sum(classCounts), metrics }];
  });
  const groups = subgroupTests.map(({ attribute, group, classCounts, metrics }) => ({
    ...{ attribute, group, exampleCount: sum(classCounts), metrics },
  }));
  return [...sites, ...groups];
}

/** Which figures by subgroup a reader might look for in vain. */
function missingSubgroups(run: RunFiles): string[] {
  const present = new Set(subgroupsOf(run).map(({ attribute }) => attribute));
  if (present.size === 0)
    return ['No figures by sex, age or scanner: the data or the run name no subgroups.'];
  const missing = (['sex', 'age', 'scanner'] as const).filter((attribute) => !present.has(attribute));
  return missing.length === 0 ? [] : [`There are no figures by ${missing.join(' or ')}.`];
}

/** Below this a class's figures are anecdotes. */
const FEW_IMAGES = 30;
/** A 95 % interval of this width leaves open whether the model is good. */
const WIDE_INTERVAL = 0.1;

function limitsOf(run: RunFiles): string[] {
  const { dataset, test, modelNotes, training } = run;
  const few = test.classes.filter(({ support }) => support < FEW_IMAGES);
  const { interval } = estimateOf(test.metrics, 'accuracy');
  return [
    ...(dataset.synthetic
      ? ['Trained and tested on synthetic images only: the figures say nothing about patients.']
      : ['Tested on images of the same source as those it was trained on; other hospitals may differ.']),
    ...few.map(
      ({ name, support }) =>
        `Only ${String(support)} test images of class "${name}": its figures are uncertain.`,
    ),
    ...(interval && interval.high - interval.low > WIDE_INTERVAL
      ? [`The 95 % interval of the accuracy is ${(interval.high - interval.low).toFixed(2)} wide.`]
      : []),
    ...(test.patientCount === undefined
      ? ['Patients are not known; intervals treat images as independent.']
      : []),
    ...(modelNotes.calibration ? [] : ['Not calibrated: its probabilities are as it learnt them.']),
    ...missingSubgroups(run),
    ...(training.kind === 'federated' ? ['A withdrawn site’s past contributions are not unlearned.'] : []),
    // What is said above already.
    ...run.notes.filter((note) => !dataset.synthetic || !note.includes('synthetic')),
  ];
}

const PROTECTIONS: Readonly<Record<string, string>> = {
  'secure-aggregation': 'The coordinator saw only sums of the sites’ updates.',
  box: 'Updates were encrypted for the coordinator, which saw each site’s update.',
  plain: 'Updates were not encrypted: whoever carried or stored them could read them.',
};

function privacyOf({ training }: RunFiles): ModelCard['privacy'] {
  if (training.kind === 'central')
    return {
      ...{ protection: 'none', differentialPrivacy: null },
      text: 'The images were in one place. Nothing bounds what the weights reveal about single patients.',
    };
  const { protection, privacy } = training;
  const bound =
    privacy === undefined || privacy === null
      ? 'There was no differential privacy: nothing bounds what the weights reveal about single patients.'
      : 'Differential privacy as in the plan.';
  return {
    ...{ protection, differentialPrivacy: privacy ?? null },
    text: `${PROTECTIONS[protection] ?? `Protection mode: ${protection}.`} ${bound}`,
  };
}

/** The metrics that a card shows, in their order; a card's JSON has all that the run has. */
export const CARD_METRICS = METRIC_NAMES.filter((name) =>
  ['accuracy', 'balancedAccuracy', 'auc', 'macroF1', 'mcc', 'logLoss', 'brier', 'calibrationError'].includes(
    name,
  ),
);
