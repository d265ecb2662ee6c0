/**
 * Tells a disk that takes no more from a fault of a run. Nothing is wrong with the run: what it has is written down, and
 * it goes on at the next start. So the program ends, and says what to do, instead of giving the run up.
 */
import { messageOf, StorageError } from '../../shared/errors.ts';

/** POSIX: no space, over quota, read-only, input/output error. SQLite: SQLITE_FULL and SQLITE_IOERR. PostgreSQL: class 53100. */
const DISK_CODE = /^(ENOSPC|EDQUOT|EROFS|EIO|SQLITE_FULL|SQLITE_IOERR.*|53100)$/;

/** A chain of causes is no longer than this. */
const MAX_DEPTH = 10;

/** The first error of the chain of causes that comes from the disk. */
function diskErrorIn(error: unknown): Error | undefined {
  let current = error;
  for (let depth = 0; depth < MAX_DEPTH && current instanceof Error; depth++) {
    if ('code' in current && typeof current.code === 'string' && DISK_CODE.test(current.code)) return current;
    current = current.cause;
  }
  return undefined;
}

export const isDiskFault = (error: unknown): boolean => diskErrorIn(error) !== undefined;

/** The same error, for the person at the machine; any other error as it is. */
export function explainDiskFault(error: unknown, folder: string): unknown {
  if (!isDiskFault(error)) return error;
  return new StorageError(
    `${messageOf(error)}. The disk of ${folder}, or of the database, takes no more. Nothing is lost: ` +
      'make room (`df -h`), then start the coordinator again, and its runs go on where they were',
    { cause: error },
  );
}
