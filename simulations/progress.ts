/** What a simulation tells while it runs; nothing depends on anyone listening. */
import { ConsiliumError } from '../shared/errors.ts';
import type { RoundReport } from '../coordinator/round/events.ts';
import type { CountsResult, RoundResult } from './report/result-types.ts';

export type Stage = 'data' | 'federation' | 'comparison' | 'test';

export type SimulationProgress =
  | { readonly kind: 'stage'; readonly stage: Stage }
  /** Something the user should know. */
  | { readonly kind: 'notice'; readonly text: string }
  | {
      readonly kind: 'prepared';
      readonly sites: readonly { readonly name: string; readonly classCounts: readonly number[] }[];
      readonly classNames: readonly string[];
      readonly parameterCount: number;
    }
  | {
      readonly kind: 'report';
      readonly round: number;
      readonly attempt: number;
      readonly report: RoundReport;
    }
  /** Before the first round, where the plan needs them. */
  | { readonly kind: 'counted'; readonly result: CountsResult; readonly classNames: readonly string[] }
  | { readonly kind: 'round'; readonly result: RoundResult; readonly rounds: number }
  /** Trainings for the comparison that are done. */
  | { readonly kind: 'compared'; readonly done: number; readonly total: number };

export interface SimulationHooks {
  readonly onProgress?: (progress: SimulationProgress) => void;
  /** Stops the simulation between two training steps; it then throws SimulationStopped. */
  readonly signal?: AbortSignal;
}

/** The signal came: nothing runs any more and there is no result. */
export class SimulationStopped extends ConsiliumError {
  readonly code = 'STOPPED';
}

/** The federation could not be carried to its end. */
export class SimulationFailed extends ConsiliumError {
  readonly code = 'SIMULATION_FAILED';
}
