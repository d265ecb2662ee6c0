/** What the agent and its training process say to each other. Both ends are this program; vectors travel as they are. */
import type { EngineName } from '../../shared/learning/engines/engine.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { Benefit, BenefitRequest } from './benefit.ts';
import type { LocalResult, StepFigures, TrainingRequest } from './local-update.ts';

/** Which images, and what they are made into. */
export interface DataOrder {
  readonly source: string;
  readonly plan: Plan;
  readonly engine: EngineName | 'auto';
  /** Folder with the model files that plans start from. */
  readonly models: string;
}

export type ToChild =
  | {
      readonly kind: 'train';
      readonly order: DataOrder;
      readonly request: Omit<TrainingRequest, 'plan' | 'signal' | 'onSteps'>;
    }
  /** How many training images there are of each class. */
  | { readonly kind: 'count'; readonly order: DataOrder }
  /** What taking part is worth here. */
  | {
      readonly kind: 'compare';
      readonly order: DataOrder;
      readonly request: Omit<BenefitRequest, 'plan'>;
    }
  | { readonly kind: 'stop' };

export type FromChild =
  | { readonly kind: 'steps'; readonly steps: number; readonly figures?: StepFigures }
  | { readonly kind: 'trained'; readonly result: LocalResult }
  | { readonly kind: 'counted'; readonly classCounts: readonly number[] }
  | { readonly kind: 'compared'; readonly benefit: Benefit }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly message: string };
