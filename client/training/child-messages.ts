/** What the agent and its training process say to each other. Both ends are this program; vectors travel as they are. */
import type { EngineName } from '../../shared/learning/engines/engine.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { LocalResult, TrainingRequest } from './local-update.ts';

/** Which images, and what they are made into. */
export interface DataOrder {
  readonly source: string;
  readonly plan: Plan;
  readonly engine: EngineName | 'auto';
}

export type ToChild =
  | {
      readonly kind: 'train';
      readonly order: DataOrder;
      readonly request: Omit<TrainingRequest, 'plan' | 'signal' | 'onSteps'>;
    }
  | { readonly kind: 'stop' };

export type FromChild =
  | { readonly kind: 'steps'; readonly steps: number }
  | { readonly kind: 'trained'; readonly result: LocalResult }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly message: string };
