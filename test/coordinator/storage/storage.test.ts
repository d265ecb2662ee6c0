import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../../coordinator/storage/database.ts';
import { ModelStore } from '../../../coordinator/storage/model-store.ts';
import { modelHashSchema } from '../../../shared/ids.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'consilium-storage-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('the database', () => {
  it('says which file is no database', async () => {
    const file = join(folder, 'other.db');
    writeFileSync(
      file,
      'this is a letter, not a database, and long enough to be looked at as one'.repeat(20),
    );
    await expect(openDatabase(file)).rejects.toThrow(/other\.db cannot be used: .*not a database/);
  });

  it('lets nobody else write while a transaction that has only read goes on', async () => {
    const file = join(folder, 'coordinator.db');
    const database = await openDatabase(file);
    const other = new Libsql(file, { timeout: 0 });
    const write = (): unknown => other.prepare('delete from sessions').run();
    try {
      await database.transaction().execute(async (transaction) => {
        await transaction.selectFrom('users').selectAll().execute();
        expect(write).toThrow('locked');
      });
      expect(write).not.toThrow();
    } finally {
      other.close();
      await database.destroy();
    }
  });

  it('does not tell the password of a server that is not there', async () => {
    const opened = openDatabase('postgres://consilium:secret-word@127.0.0.1:1/hospital');
    await expect(opened).rejects.toThrow(
      /the database 127\.0\.0\.1:1\/hospital cannot be used: .*DATABASE_URL/,
    );
    await expect(opened).rejects.not.toThrow('secret-word');
  });
});

describe('the store of models', () => {
  it('gives back what it was given, by the digest', async () => {
    const store = new ModelStore(join(folder, 'models'));
    const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);
    const hash = await store.put(bytes);
    expect(await store.put(bytes)).toBe(hash);
    expect(await store.get(hash)).toEqual(bytes);
    expect(readdirSync(join(folder, 'models'))).toEqual([`${hash}.bin`]);
  });

  it('names a file that is missing or damaged', async () => {
    const store = new ModelStore(join(folder, 'models'));
    const hash = await store.put(Uint8Array.of(1, 2, 3));
    await expect(store.get(modelHashSchema.parse('00'.repeat(64)))).rejects.toThrow(
      'restore it from a backup',
    );
    writeFileSync(join(folder, 'models', `${hash}.bin`), Uint8Array.of(1, 2, 4));
    await expect(store.get(hash)).rejects.toThrow('changed or damaged');
  });

  it('leaves nothing behind when it cannot write', async () => {
    writeFileSync(join(folder, 'models'), 'a file where the folder should be');
    await expect(new ModelStore(join(folder, 'models')).put(Uint8Array.of(1))).rejects.toThrow(
      'cannot be written',
    );
  });
});
