import { describe, it } from 'vitest';
import { storageContract } from './storage-contract.ts';
import { postgresDatabases, postgresReason, sqliteDatabases } from './storage-database.ts';

storageContract('storage on libsql', sqliteDatabases);

const reason = postgresReason();
if (reason === undefined) storageContract('storage on PostgreSQL', postgresDatabases);
else
  describe(`storage on PostgreSQL (skipped: ${reason})`, () => {
    it.skip('needs a server');
  });
