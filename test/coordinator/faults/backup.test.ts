/** The backup that the README describes, rehearsed: what it names is copied, the folder is lost, and the run goes on. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { AuditLog } from '../../../coordinator/storage/audit-log.ts';
import { systemClock } from '../../../shared/clock.ts';
import { isOver, isPublished, undisturbed } from './outcomes.ts';
import { SmallFederation } from './small-federation.ts';

let federation: SmallFederation | undefined;
const backup = mkdtempSync(join(tmpdir(), 'consilium-backup-'));
afterEach(async () => {
  await federation?.remove();
  federation = undefined;
  rmSync(backup, { recursive: true, force: true });
});

/** What the README says to copy of a coordinator's folder. */
function namedFiles(): readonly string[] {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  const paragraph =
    /\*\*Backup of the coordinator\.\*\*([^]*?)(?:With PostgreSQL|\n-|\n\n)/.exec(readme)?.[1] ?? '';
  const names = [...paragraph.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
  return names.filter((name) => /^[\w.*-]+\/?$/.test(name));
}

const shell = (command: string): void => {
  execFileSync('sh', ['-euc', command], { stdio: 'pipe' });
};

it('brings a run back to the same models, and the record of acts verifies', async () => {
  const expected = await undisturbed(4);
  const names = namedFiles();
  expect(names).toEqual(
    expect.arrayContaining(['coordinator.yaml', 'keys.json', 'coordinator.db*', 'models/', 'runs/']),
  );
  const own = await SmallFederation.create(4);
  federation = own;
  own.startSites();
  await own.start();
  await own.told(isPublished(2));
  await own.stop();
  const { path } = own.folder;
  shell(`cd '${path}' && cp -a ${names.join(' ')} '${backup}/'`);
  // The machine is gone, and another takes its place.
  shell(`rm -rf '${path}' && mkdir -m 700 '${path}' && cp -a '${backup}/.' '${path}/'`);
  const from = own.reports.length;
  await own.start();
  expect(await own.told(isOver, from)).toMatchObject({ kind: 'runFinished' });
  expect(await own.models()).toEqual(expected);
  const check = await own.inDatabase((database) =>
    new AuditLog(systemClock, own.folder.identity).verify(database),
  );
  expect(check).not.toHaveProperty('brokenAt');
  // The plan and the run, and whatever the rounds have left.
  expect(check.entries).toBeGreaterThanOrEqual(2);
});
