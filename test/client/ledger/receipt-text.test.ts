import { expect, it } from 'vitest';
import type { SiteAct } from '../../../client/ledger/acts.ts';
import type { Receipt } from '../../../client/ledger/receipt.ts';
import { receiptText, RoundActs } from '../../../client/ledger/receipt-text.ts';
import { modelHashSchema } from '../../../shared/ids.ts';
import { contextOf, planOf, site } from '../../coordinator/fixtures.ts';

const context = contextOf(planOf());
const plan = context.planHash.slice(0, 16);
const signature = 'c'.repeat(128);
const receipt: Receipt = {
  siteId: site('a'),
  evidence: { context, acknowledged: { status: 'accepted', signature } },
  published: { newModelHash: modelHashSchema.parse('d'.repeat(128)), survivorCount: 4, signature },
};
const payloadHash = 'e'.repeat(128);
const protection = 'secure-aggregation';
const acts: readonly SiteAct[] = [
  { kind: 'joined', ...context, cohortSize: 5, protection },
  { kind: 'sent', ...context, what: 'shares', payloadBytes: 640, payloadHash, protection },
  { kind: 'trained', ...context, steps: 40, seconds: 3, engine: 'onnx', examples: '100-999' },
  { kind: 'sent', ...context, what: 'update', payloadBytes: 1_250_000, payloadHash, protection },
];

it('says in words and bytes what left, what it is part of, what was spent and how to stop', () => {
  expect(receiptText(receipt, new RoundActs(acts).of(context)))
    .toBe(`Receipt of run run-1, round 1, plan ${plan}…
What left this hospital:
  encrypted parts of this round's keys, for the other sites: 0.6 kB, SHA-512 eeeeeeeeeeeeeeee…
  the change of the model, masked: readable only in the sum of all sites: 1.25 MB, SHA-512 eeeeeeeeeeeeeeee…
  in all 1.25 MB; no image. What a model has learned from images may still say something about people.
Trained on:       100-999 images, 40 steps on onnx
Privacy budget:   ε spent: none asked for: this plan adds no noise
What it is in:    model dddddddddddddddd… of 4 sites, of a cohort of 5; signed by the coordinator
To stop:          \`consilium site withdraw ${plan}\` (no round of this plan any more) or \`consilium site stop\`
                  (no round at all). What is in a published model stays in it.`);
});

it('does not invent what the ledger does not have, and says what a receipt does not prove', () => {
  const text = receiptText(receipt, [], 'the publication is not signed by the coordinator');
  expect(text).toContain('the entries are in `consilium site ledger`');
  expect(text).toContain('Trained on:       not on record here');
  expect(text).toContain('of 4 sites; NOT PROVEN: the publication is not signed by the coordinator');
});

it('keeps the acts of the attempt in hand of each run', () => {
  const known = new RoundActs();
  for (const act of acts) known.note(act);
  const next = { ...context, round: 2 };
  known.note({ kind: 'started', siteId: site('a') });
  expect(known.of(context)).toHaveLength(4);
  known.note({ kind: 'joined', ...next, cohortSize: 5, protection });
  expect([known.of(context), known.of(next)]).toMatchObject([[], [{ kind: 'joined' }]]);
});
