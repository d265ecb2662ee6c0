/** Clocks that are a day apart: rounds and deadlines do not depend on them, and what does says so. */
import { afterEach, expect, it } from 'vitest';
import { askFederation } from '../../../client/transport/coordinator-api.ts';
import { Passwords } from '../../../coordinator/people/password.ts';
import { AuditLog } from '../../../coordinator/storage/audit-log.ts';
import { UserStore, userNameSchema } from '../../../coordinator/storage/user-store.ts';
import { systemClock, type Clock } from '../../../shared/clock.ts';
import { toHex } from '../../../shared/crypto/bytes.ts';
import { isOver } from './outcomes.ts';
import { SmallFederation } from './small-federation.ts';

const DAY_MS = 86_400_000;
/** The clock on the wall is off; durations are what they are. */
const skewed = (ms: number): Clock => ({ ...systemClock, nowMs: () => systemClock.nowMs() + ms });

let federation: SmallFederation | undefined;
afterEach(async () => {
  await federation?.remove();
  federation = undefined;
});

it.each([
  ['ahead', DAY_MS],
  ['behind', -DAY_MS],
])(
  'a coordinator a day %s of its sites: rounds are the same, and a site that asks is told',
  async (_, ms) => {
    const own = await SmallFederation.create(2);
    federation = own;
    own.startSites();
    const coordinator = await own.start(skewed(ms));
    expect(await own.told(isOver)).toMatchObject({ kind: 'runFinished' });
    expect(
      own.reports.filter((report) => report.kind === 'attempt').map(({ record }) => record.dropped),
    ).toEqual([[], []]);
    const site = own.siteNamed('a');
    const reach = { url: `http://127.0.0.1:${String(coordinator.port)}` };
    const { federationId, identity } = own.folder;
    const about = {
      siteId: site.siteId,
      coordinator: { ...reach, federationId, key: toHex(identity.publicKey) },
    };
    await expect(askFederation(reach, about, site.identity, systemClock)).rejects.toThrow(
      'its clock is wrong',
    );
    // With the same clock it is let in.
    await expect(askFederation(reach, about, site.identity, skewed(ms))).resolves.toBeDefined();
  },
);

it('a coordinator whose clock is put right by a day, either way, keeps its people and its record', async () => {
  const own = await SmallFederation.create(1);
  federation = own;
  const password = await new Passwords().hash('correct horse battery');
  const name = userNameSchema.parse('ada');
  await own.inDatabase(async (database) => {
    for (const [round, ms] of [0, DAY_MS, -DAY_MS, 0].entries()) {
      const clock = skewed(ms);
      const users = new UserStore(database, clock);
      if (round === 0) await users.add(name, 'auditor', password);
      // Whoever logs in now is in, whatever time it was before.
      const token = await users.openSession(name);
      expect(await users.session(token), String(round)).toMatchObject({ user: 'ada' });
      await new AuditLog(clock, own.folder.identity).append(database, {
        ...{ actor: 'ada', act: 'login', subject: 'ada' },
      });
    }
    const check = await new AuditLog(systemClock, own.folder.identity).verify(database);
    expect(check).toEqual({ entries: 6 });
  });
});
