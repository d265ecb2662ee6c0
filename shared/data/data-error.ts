/** Where a failure happened, in front of why. */
import { DataError, messageOf } from '../errors.ts';

/** Adds the place to the reason of a failure. */
export function dataErrorAt(place: string, error: unknown): DataError {
  return new DataError(`${place}: ${messageOf(error)}`, { cause: error });
}
