/**
 * The one base error. Broken invariants and unusable input throw a subclass; expected outcomes are values.
 * `message` is safe to show to the person at the keyboard; only `code` and a safe text may ever cross the wire.
 */
export abstract class ConsiliumError extends Error {
  /** Stable, machine-readable identifier, upper snake case. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A value given by the user (flag, file, configuration) cannot be used; the message says what to do. */
export class InputError extends ConsiliumError {
  readonly code: string = 'INPUT';
}

/** A graph breaks a rule: unknown operator, wrong shape, missing tensor, cycle. */
export class GraphError extends ConsiliumError {
  readonly code: string = 'GRAPH';
}

/** An engine cannot be loaded or failed while it ran. */
export class EngineError extends ConsiliumError {
  readonly code: string = 'ENGINE';
}

/** A file of images, labels or a dataset cannot be used; the message names the file and the reason. */
export class DataError extends ConsiliumError {
  readonly code: string = 'DATA';
}

/** A file or database of the program's own cannot be written or is damaged; the message names it. */
export class StorageError extends ConsiliumError {
  readonly code: string = 'STORAGE';
}

/** An internal invariant does not hold: a bug in this program. */
export class InvariantError extends ConsiliumError {
  readonly code: string = 'INVARIANT';
}

/** The code of anything that was thrown; `INTERNAL` where it has none of this program's. */
export function codeOf(error: unknown): string {
  return error instanceof ConsiliumError ? error.code : 'INTERNAL';
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
