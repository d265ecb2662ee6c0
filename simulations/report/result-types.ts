/** What a run leaves in metrics.json, as plain JSON; the reports and the CSV files are made from nothing else. */
import type { SubgroupAttribute } from '../../shared/data/subgroups.ts';
import type { Estimate, Evaluation, MetricName } from '../../shared/learning/metrics/evaluation.ts';

/** Anything that JSON can hold: a recipe, a plan, an environment. Shown as dotted names and values. */
export type Settings = object;

export interface DatasetSummary {
  readonly name: string;
  /** Generated images: every report then says so. */
  readonly synthetic: boolean;
  readonly classNames: readonly string[];
  /** In the order in which they are shown; `counts` by class. */
  readonly splits: readonly { readonly name: string; readonly counts: readonly number[] }[];
  /** [height, width, channels] as the model sees them. */
  readonly imageDims?: readonly [number, number, number];
}

export interface EpochResult {
  /** From 1. */
  readonly epoch: number;
  /** Mean training loss. */
  readonly loss: number;
  readonly learningRate: number;
  /** Any metrics by name; `loss` or `logLoss` is drawn with the training loss, the others together. */
  readonly validation?: Readonly<Record<string, number>>;
}

export interface SeedResult {
  readonly seed: number;
  readonly epochs: readonly EpochResult[];
  /** The epoch whose weights were kept, by validation. */
  readonly bestEpoch?: number;
  readonly test: Evaluation;
  readonly durationMs?: number;
  readonly weightsDigest?: string;
}

/** Central training. */
export interface TrainResult {
  readonly title: string;
  readonly dataset: DatasetSummary;
  readonly recipe: Settings;
  /** At least one. */
  readonly seeds: readonly SeedResult[];
  /** Of the seed whose model is handed out, where the data say sex, age, scanner or place on the body. */
  readonly subgroupTests?: readonly SubgroupTest[];
  readonly environment: Settings;
  /** Shown at the top, in plain language. */
  readonly notes?: readonly string[];
}

export interface SiteSummary {
  readonly name: string;
  /** Training images by class. */
  readonly classCounts: readonly number[];
}

export interface RoundResult {
  /** From 1. */
  readonly round: number;
  readonly cohort: number;
  readonly survivors: number;
  readonly dropped?: readonly { readonly site: string; readonly reason: string }[];
  /** What a fault scenario did to sites in this round, all attempts together. */
  readonly faults?: readonly { readonly site: string; readonly fault: string }[];
  /** Attempts that came to nothing before the round succeeded. */
  readonly aborted?: readonly { readonly attempt: number; readonly reason: string }[];
  /** Mean training loss over survivors, weighted by examples. */
  readonly loss?: number;
  /** Of the global model after the round, by name as in `EpochResult`. */
  readonly validation?: Readonly<Record<string, number>>;
  /** Of the global model before the round, on the survivors' own validation images, every image counted once. */
  readonly localValidation?: {
    readonly exampleCount: number;
    readonly loss: number;
    readonly accuracy: number;
  };
  readonly durationMs?: number;
  readonly bytesUp?: number;
  readonly bytesDown?: number;
  /** The same by site, of all sites. */
  readonly traffic?: readonly SiteTraffic[];
  readonly sites?: readonly SiteRound[];
}

/** The round of counts: what the coordinator has learned of the sites' classes, which is the sum. */
export interface CountsResult {
  /** Training images of each class, of the survivors together. */
  readonly classCounts: readonly number[];
  readonly cohort: number;
  readonly survivors: number;
  readonly dropped: readonly { readonly site: string; readonly reason: string }[];
}

export interface SiteTraffic {
  readonly site: string;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

export interface SiteRound {
  readonly site: string;
  readonly loss: number;
  /** Of the global model before the round, on this site's own validation images. */
  readonly validation?: { readonly loss: number; readonly accuracy: number };
}

/** Of a model of one site. */
export interface SiteEvaluation {
  readonly site: string;
  readonly evaluation: Evaluation;
}

/** The ways to train that are compared. */
export const METHOD_NAMES = ['local', 'federated', 'personalised', 'finetuned', 'pooled'] as const;
export type MethodName = (typeof METHOD_NAMES)[number];

/** On a site's share of the held-out test images: images like its own, on which no site has trained. */
export interface SiteTest {
  readonly site: string;
  /** Test images by class. */
  readonly classCounts: readonly number[];
  /** Of the site's own model or of the shared one, as the site would use it. */
  readonly figures: Readonly<Partial<Record<MethodName, Readonly<Record<MetricName, Estimate>>>>>;
  /** Accuracy that the site gets from federating, minus that of its own model, on the same images. */
  readonly gain?: Estimate;
}

/** On the held-out test images of one group of patients or devices, of the model that is handed out. */
export interface SubgroupTest {
  readonly attribute: SubgroupAttribute;
  readonly group: string;
  /** Test images by class. */
  readonly classCounts: readonly number[];
  readonly metrics: Readonly<Record<MetricName, Estimate>>;
}

/** Differences of accuracy on the same images of the whole held-out test set. */
export interface Gains {
  /** Over the mean of the sites' own models. */
  readonly overLocal?: Estimate;
  readonly overPooled?: Estimate;
}

export interface FederationResult {
  readonly title: string;
  readonly dataset: DatasetSummary;
  readonly plan: Settings;
  readonly seed: number;
  readonly sites: readonly SiteSummary[];
  readonly rounds: readonly RoundResult[];
  /** Of the plans whose training needs them. */
  readonly counts?: CountsResult;
  /** The round whose model was kept, by validation. */
  readonly bestRound?: number;
  /** On the held-out global test set. */
  readonly test: {
    readonly federated: Evaluation;
    readonly pooled?: Evaluation;
    /** FedBN: the federated model with each site's own normalisation layers. */
    readonly personalised?: readonly SiteEvaluation[];
    /** The federated model after each site went on training it on its own images. */
    readonly finetuned?: readonly SiteEvaluation[];
    /** Each site's own model, trained on its own images only. */
    readonly local?: readonly SiteEvaluation[];
  };
  /** Of the sites that have test images of their own. */
  readonly siteTests?: readonly SiteTest[];
  /** Where the data say sex, age, scanner or place on the body. */
  readonly subgroupTests?: readonly SubgroupTest[];
  readonly gains?: Gains;
  readonly timings?: readonly { readonly phase: string; readonly durationMs: number }[];
  /** Of the model that was tested and kept. */
  readonly weightsDigest?: string;
  /** Of the weights after the last round, whatever their score. */
  readonly finalDigest?: string;
  readonly planHash?: string;
  readonly environment: Settings;
  readonly notes?: readonly string[];
}
