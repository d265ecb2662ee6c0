/** A whole coordinator with its API and its people, on each kind of database, beside commands that use the same one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { initCoordinator, type CoordinatorFolder } from '../../coordinator/config.ts';
import { Passwords } from '../../coordinator/people/password.ts';
import type { CoordinatorReport } from '../../coordinator/reports.ts';
import { startCoordinator, type RunningCoordinator } from '../../coordinator/server.ts';
import { Administration, COMMAND_LINE } from '../../coordinator/storage/administration.ts';
import { openDatabase } from '../../coordinator/storage/database.ts';
import { userNameSchema } from '../../coordinator/storage/user-store.ts';
import { systemClock } from '../../shared/clock.ts';
import { runIdSchema } from '../../shared/ids.ts';
import {
  postgresDatabases,
  postgresReason,
  sqliteDatabases,
  type TestDatabases,
} from '../contracts/storage-database.ts';

const PASSWORD = 'correct horse battery';
const PLAN = stringify({
  task: { name: 'blobs', classNames: ['left', 'right'], imageDims: [1, 8, 8] },
  preprocessing: { size: { height: 8, width: 8 } },
  architecture: { name: 'cnn', options: { filters: [2], dense: 2 } },
  training: { epochs: 1 },
  federation: { strategy: 'fedavg', rounds: 1, minimumCohort: 3, minimumSurvivors: 3 },
  protection: { mode: 'secure-aggregation', smallCohortAcknowledged: true },
  evaluation: {},
  seed: 5,
});
const reason = postgresReason();

describe.each([
  ['libsql', sqliteDatabases, undefined],
  ['PostgreSQL', postgresDatabases, reason],
] as const)('a coordinator on %s', (name, open, missing) => {
  let root: string;
  let databases: TestDatabases;
  let folder: CoordinatorFolder;
  let coordinator: RunningCoordinator;
  const reports: CoordinatorReport[] = [];
  let heard: () => void = () => undefined;
  beforeAll(async () => {
    if (missing !== undefined) return;
    root = mkdtempSync(join(tmpdir(), 'consilium-api-e2e-'));
    databases = await open();
    const config = { host: '127.0.0.1', port: 0, url: 'http://127.0.0.1:1', behindTlsProxy: false };
    const made = initCoordinator(join(root, 'coordinator'), config);
    folder = { ...made, database: await databases.locate() };
    coordinator = await startCoordinator(folder, (report) => {
      reports.push(report);
      heard();
    });
  });
  afterAll(async () => {
    if (missing !== undefined) return;
    await coordinator.close();
    await databases.close();
    rmSync(root, { recursive: true });
  });
  const reported = async (kind: CoordinatorReport['kind']): Promise<void> => {
    while (!reports.some((report) => report.kind === kind))
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
  };
  /** As a command does it, through a connection of its own. */
  const command = async (act: (administration: Administration) => Promise<void>): Promise<void> => {
    const database = await openDatabase(folder.database);
    try {
      await act(new Administration(database, systemClock, folder.identity));
    } finally {
      await database.destroy();
    }
  };

  it.skipIf(missing !== undefined)(
    `carries out what people ask for, here and at the command line (${missing ?? name})`,
    async () => {
      const password = await new Passwords().hash(PASSWORD);
      const ann = { name: userNameSchema.parse('ann'), role: 'administrator', password } as const;
      await command((administration) => administration.addUser(COMMAND_LINE, ann));
      let headers: Record<string, string> = { 'content-type': 'application/json' };
      const ask = async (method: string, path: string, body?: object) => {
        const response = await fetch(`http://127.0.0.1:${String(coordinator.port)}${path}`, {
          ...{ method, headers },
          ...(body && { body: JSON.stringify(body) }),
        });
        return { status: response.status, response, text: await response.text() };
      };
      const login = await ask('POST', '/api/v1/login', { name: 'ann', password: PASSWORD });
      expect(login.status).toBe(200);
      const { csrfToken } = JSON.parse(login.text) as { csrfToken: string };
      const cookie = login.response.headers.get('set-cookie')?.split(';')[0] ?? '';
      headers = { ...headers, cookie, 'x-csrf-token': csrfToken };

      const added = await ask('POST', '/api/v1/plans', { text: PLAN });
      expect(added.status).toBe(201);
      const { planHash } = JSON.parse(added.text) as { planHash: string };
      expect((await ask('POST', '/api/v1/runs', { runId: 'first', planHash })).status).toBe(201);
      await reported('runStarted');
      const { runs } = JSON.parse((await ask('GET', '/api/v1/status')).text) as { runs: { running: number } };
      expect(runs.running).toBe(1);
      const first = runIdSchema.parse('first');
      await command((administration) => administration.wish(COMMAND_LINE, first, 'stop'));
      await reported('runStopped');
      expect((await ask('GET', '/api/v1/runs/first')).text).toContain('"status":"stopped"');

      const metrics = await ask('GET', '/metrics');
      expect(metrics.text).toContain('consilium_runs_present{status="stopped"} 1');
      expect(metrics.text).toContain('consilium_logins_total{outcome="open"} 1');
      const ledger = await ask('GET', '/api/v1/ledger');
      const { entries } = JSON.parse(ledger.text) as { entries: { actor: string; act: string }[] };
      // How a round ends is entered too, where one had begun.
      const people = entries.filter(({ actor }) => actor !== 'coordinator');
      expect(people.map(({ actor, act }) => `${actor} ${act}`)).toEqual([
        'command-line user-added',
        'ann login',
        'ann plan-added',
        'ann run-added',
        'command-line run-stopped',
      ]);
      expect((await ask('GET', '/api/v1/ledger/verification')).text).toBe(
        `{"entries":${String(entries.length)},"brokenAt":null}`,
      );
      expect(reports.filter(({ kind }) => kind === 'error' || kind === 'runFailed')).toEqual([]);
    },
  );
});
