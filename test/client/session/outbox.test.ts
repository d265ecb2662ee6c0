import { expect, it } from 'vitest';
import type { RoundAct } from '../../../client/ledger/acts.ts';
import { MAX_REFUSALS_PER_MINUTE, Outbox } from '../../../client/session/outbox.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { verifyStatement } from '../../../shared/crypto/statement.ts';
import { decodeSiteMessage, type Frame } from '../../../shared/protocol/codec.ts';
import { siteStatement } from '../../../shared/protocol/signatures.ts';
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

it('tells where the ledger stands after all that was entered before, and nothing without a ledger that knows', async () => {
  const sent: Frame[] = [];
  let entries = 0;
  const identity = createIdentity();
  const common = {
    identity,
    link: { send: (frame: Frame) => void sent.push(frame) },
    clock: { elapsedMs: () => 0 },
    protection: () => 'box' as const,
    fail: () => undefined,
  };
  const enter = (): Promise<void> =>
    Promise.resolve().then(() => {
      entries++;
    });
  const context = contextOf(planOf());
  const knowing = new Outbox({
    ...common,
    ledger: { enter, head: () => ({ entries, hash: 'a'.repeat(128) }) },
  });
  knowing.enter({ kind: 'joined', ...context, cohortSize: 2, protection: 'box' });
  knowing.tellHead(context, site('a'));
  await knowing.idle();
  const [frame] = sent;
  const decoded = frame && decodeSiteMessage(frame, 0);
  if (!decoded?.ok || decoded.message.type !== 'anchor') throw new Error('it tells of its ledger');
  const { message } = decoded;
  expect(message).toMatchObject({ siteId: 'a', ledger: { entries: 1 } });
  expect(
    verifyStatement(identity.publicKey, { ...siteStatement(message), signature: message.signature }),
  ).toBe(true);
  const simple = new Outbox({ ...common, ledger: { enter } });
  simple.tellHead(context, site('a'));
  await simple.idle();
  expect(sent).toHaveLength(1);
});
