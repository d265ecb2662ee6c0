import { describe, expect, it } from 'vitest';
import { explainDiskFault, isDiskFault } from '../../../coordinator/storage/disk-fault.ts';
import { InputError, StorageError } from '../../../shared/errors.ts';

const coded = (code: string, cause?: unknown): Error =>
  Object.assign(new Error(`${code}: it says`, { cause }), { code });

describe('a fault of the disk', () => {
  it.each(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'SQLITE_FULL', 'SQLITE_IOERR_WRITE', '53100'])(
    '%s is one, also as the cause of another error',
    (code) => {
      expect(isDiskFault(coded(code))).toBe(true);
      const wrapped = new StorageError('x cannot be written', {
        cause: new Error('no', { cause: coded(code) }),
      });
      expect(isDiskFault(wrapped)).toBe(true);
      const explained = explainDiskFault(wrapped, '/srv/coordinator');
      expect(explained).toBeInstanceOf(StorageError);
      expect(String(explained)).toMatch(
        /x cannot be written\. The disk of \/srv\/coordinator.*Nothing is lost: make room/,
      );
    },
  );

  it('is not a damaged file, a wrong plan, a busy database or a chain without end', () => {
    const endless = new Error('endless');
    endless.cause = endless;
    const others = [
      new StorageError('x is damaged'),
      new InputError('no'),
      coded('SQLITE_BUSY'),
      coded('ENOENT'),
      endless,
      'text',
    ];
    for (const error of others) {
      expect(isDiskFault(error)).toBe(false);
      expect(explainDiskFault(error, '/srv')).toBe(error);
    }
  });
});
