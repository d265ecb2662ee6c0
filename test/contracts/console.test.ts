import { describe, it } from 'vitest';
import { consoleContract } from './console-contract.ts';
import { postgresDatabases, postgresReason, sqliteDatabases } from './storage-database.ts';

consoleContract('the console’s stores on libsql', sqliteDatabases);

const reason = postgresReason();
if (reason === undefined) consoleContract('the console’s stores on PostgreSQL', postgresDatabases);
else
  describe(`the console’s stores on PostgreSQL (skipped: ${reason})`, () => {
    it.skip('needs a server');
  });
