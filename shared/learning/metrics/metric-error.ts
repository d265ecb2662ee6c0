import { ConsiliumError } from '../../errors.ts';

/** Probabilities, labels or groups from which no metric can be computed; the message names the example and the reason. */
export class MetricError extends ConsiliumError {
  readonly code = 'METRIC';
}
