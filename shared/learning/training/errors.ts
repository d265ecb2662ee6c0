/** Training cannot go on: the message says at which step and what to change. */
import { ConsiliumError } from '../../errors.ts';

export class TrainingError extends ConsiliumError {
  readonly code: string = 'TRAINING';
}
