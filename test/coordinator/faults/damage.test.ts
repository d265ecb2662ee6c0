/** Files of the coordinator that are not what was written: each is named, nothing of it is used, and what can go on does. */
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ModelStore } from '../../../coordinator/storage/model-store.ts';
import { modelHashSchema } from '../../../shared/ids.ts';
import { failWrite, installFullDisk } from './full-disk-switch.ts';
import { isOver, isPublished, undisturbed } from './outcomes.ts';
import { RUN, SmallFederation } from './small-federation.ts';

let federation: SmallFederation | undefined;
afterEach(async () => {
  await federation?.remove();
  federation = undefined;
});

describe('a journal', () => {
  let remove: () => void = () => undefined;
  beforeAll(() => {
    remove = installFullDisk();
  });
  afterAll(() => {
    remove();
  });

  /** A coordinator that has ended in the middle of the second round, with updates in its journal. */
  async function inTheSecondRound(): Promise<SmallFederation> {
    const own = await SmallFederation.create(3);
    own.startSites();
    failWrite(undefined);
    const coordinator = await own.start();
    await own.told(isPublished(1));
    // The ninth write of a round comes after its first update.
    failWrite(8);
    await coordinator.finished.catch(() => undefined);
    return own;
  }

  it.each<[string, (own: SmallFederation) => Promise<void>]>([
    [
      'whose last entry is cut short',
      (own) =>
        own.inDatabase(async (database) => {
          const last = database.selectFrom('journal').select('sequence').orderBy('sequence', 'desc').limit(1);
          const { sequence } = await last.executeTakeFirstOrThrow();
          const row = database.selectFrom('journal').select('entry').where('sequence', '=', sequence);
          const { entry } = await row.executeTakeFirstOrThrow();
          const torn = entry.slice(0, entry.length / 2);
          await sql`update journal set entry = ${torn} where sequence = ${sequence}`.execute(database);
        }),
    ],
    [
      'of which the file of an update is damaged',
      (own) => {
        const folder = join(own.folder.runs, `${RUN}.journal`);
        const [file] = readdirSync(folder);
        if (file === undefined) throw new Error('the journal has no file yet');
        truncateSync(join(folder, file), 100);
        return Promise.resolve();
      },
    ],
  ])('%s: the round is tried again, to the same model', async (_, damage) => {
    const expected = await undisturbed(3);
    const own = await inTheSecondRound();
    federation = own;
    failWrite(undefined);
    await own.stop();
    await damage(own);
    const from = own.reports.length;
    await own.start();
    expect(await own.told(isOver, from)).toMatchObject({ kind: 'runFinished' });
    expect(await own.models()).toEqual(expected);
  });
});

it('a checkpoint that is damaged ends its run, and says which file and what to do', async () => {
  const own = await SmallFederation.create(50);
  federation = own;
  own.startSites();
  await own.start();
  await own.told(isPublished(1));
  await own.stop();
  const file = join(own.folder.runs, `${RUN}.checkpoint`);
  const bytes = readFileSync(file);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(file, bytes);
  const from = own.reports.length;
  await own.start();
  expect(await own.told(isOver, from)).toMatchObject({
    kind: 'runFailed',
    reason: `${file} is damaged: restore it from a backup, or stop the run and start another`,
  });
});

it('a model that is damaged is named and not handed out', async () => {
  const own = await SmallFederation.create(1);
  federation = own;
  own.startSites();
  await own.start();
  await own.told(isOver);
  const [hash] = await own.models();
  const store = new ModelStore(own.folder.models);
  const model = modelHashSchema.parse(hash);
  const file = store.pathOf(model);
  expect(await store.get(model)).toHaveLength(4 * own.plan.parameterCount);
  truncateSync(file, 4 * own.plan.parameterCount - 1);
  await expect(store.get(model)).rejects.toThrow(
    `the model ${file} has been changed or damaged; restore it from a backup`,
  );
});
