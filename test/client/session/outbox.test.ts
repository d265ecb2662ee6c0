import { expect, it } from 'vitest';
import type { RoundAct } from '../../../client/ledger/acts.ts';
import { MAX_REFUSALS_PER_MINUTE, Outbox } from '../../../client/session/outbox.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { contextOf, planOf, site } from '../../coordinator/fixtures.ts';

it('enters and sends so many refusals a minute, and the rest neither', async () => {
  const entered: RoundAct[] = [];
  let sent = 0;
  let nowMs = 0;
  const outbox = new Outbox({
    identity: createIdentity(),
    link: {
      send: () => {
        sent++;
      },
    },
    ledger: {
      enter: (act) => {
        entered.push(act);
        return Promise.resolve();
      },
    },
    clock: { elapsedMs: () => nowMs },
    protection: () => 'box',
    fail: () => undefined,
  });
  const context = contextOf(planOf());
  const refuse = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++)
      outbox.send({ type: 'refuse', context, siteId: site('a'), reason: 'plan-not-approved' });
    await outbox.idle();
  };
  await refuse(MAX_REFUSALS_PER_MINUTE + 5);
  expect([entered.length, sent]).toEqual([MAX_REFUSALS_PER_MINUTE, MAX_REFUSALS_PER_MINUTE]);
  nowMs = 59_999;
  await refuse(1);
  expect(sent).toBe(MAX_REFUSALS_PER_MINUTE);
  outbox.send({ type: 'advertise', context, siteId: site('a') });
  await outbox.idle();
  expect(sent).toBe(MAX_REFUSALS_PER_MINUTE + 1);
  nowMs = 60_000;
  await refuse(1);
  expect([entered.length, sent]).toEqual([MAX_REFUSALS_PER_MINUTE + 1, MAX_REFUSALS_PER_MINUTE + 2]);
});
