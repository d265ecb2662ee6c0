/** The round of counts as the coordinator sees it: a story kept in test/traces, and what is admitted. */
import { describe, expect, it } from 'vitest';
import { createAgreementKeyPair } from '../../../shared/crypto/agreement.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { seal } from '../../../shared/crypto/sealed-box.ts';
import { COUNTS_ROUND, countsLayout } from '../../../shared/protocol/class-counts.ts';
import { signedFrame } from '../../../client/session/answers.ts';
import { admit } from '../../../coordinator/round/admission.ts';
import type { RoundRules } from '../../../coordinator/round/state.ts';
import { rulesOf } from '../../../coordinator/round/state.ts';
import { ringToBytes } from '../../../shared/secagg/ring.ts';
import { maskedPlan, maskedRules, MaskedStory } from '../../traces/masked-story.ts';
import { Story } from '../../traces/story.ts';
import { contextOf, planOf, rules, site, sites } from '../fixtures.ts';

const counts = { round: COUNTS_ROUND } as const;
const five = ['a', 'b', 'c', 'd', 'e'];
const four = five.slice(0, 4);
const classCounts = [30, 12];
const unmasked = { sumDigest: '2'.repeat(128), transcript: '3'.repeat(128) };

describe('the round of counts', () => {
  it('counts without a site that drops, and training follows', async () => {
    const counting = new MaskedStory(
      'Class counts first: e drops, then four train',
      five,
      maskedRules,
      counts,
    )
      .advertise(...five)
      .deal(...five)
      .sendMasked(...four)
      .goes('e')
      .sign(...four)
      .reveal(...four);
    counting.happens({ kind: 'counted', classCounts, unmasked });
    expect(counting.round).toMatchObject({
      phase: 'published',
      survivors: sites(...four),
      classCounts,
      newModelHash: counting.context.modelHash,
      unmasked,
    });
    const previous = { round: COUNTS_ROUND, transcript: unmasked.transcript };
    const then: RoundRules = rulesOf(maskedPlan, {
      ...{ plan: maskedPlan, rosterHash: '0'.repeat(128), coordinatorKey: '1'.repeat(64) },
      ...{ previous, classCounts },
    });
    const training = new MaskedStory('The first round of training, with the counts in its terms', four, then)
      .advertise(...four)
      .deal(...four)
      .sendMasked(...four)
      .sign(...four)
      .reveal(...four)
      .unmasked();
    expect(training.round).toMatchObject({ phase: 'published', survivors: sites(...four) });
    await expect(`${counting.text()}\n${training.text()}`).toMatchFileSnapshot(
      '../../traces/counts-one-drops.txt',
    );
  });

  it('asks to count, never to train, and evaluates nothing', () => {
    const story = new Story('Without masks', ['a', 'b'], rules(), counts).agree('a', 'b').send('a', 'b');
    story.happens({ kind: 'counted', classCounts });
    expect(story.round).toMatchObject({ phase: 'published', survivors: sites('a', 'b'), classCounts });
    const text = story.text();
    expect(text).toContain('count with a b');
    expect(text).not.toMatch(/train with|evaluating/);
  });

  it('is spent when the unmasked sum cannot be one of counts', () => {
    const story = new MaskedStory('', five, maskedRules, counts)
      .advertise(...five)
      .deal(...five)
      .sendMasked(...five)
      .sign(...five)
      .reveal(...five)
      .happens({ kind: 'aggregationFailed', reason: 'unmasking-failed' });
    expect(story.round).toMatchObject({ phase: 'aborted', reason: 'unmasking-failed', spent: true });
  });

  it('is the only one that ends in counts', () => {
    const story = new Story('', ['a', 'b']).agree('a', 'b').send('a', 'b');
    const before = story.round;
    expect(story.happens({ kind: 'counted', classCounts }).round).toBe(before);
  });
});

describe('the counts of a site are admitted', () => {
  const identity = createIdentity();
  const boxKeys = createAgreementKeyPair();
  const roster = new Map([[site('a'), identity.publicKey]]);
  const counting = countsLayout(2, 3);

  function admitted(mode: 'box' | 'plain' | 'secure-aggregation', vector: Uint32Array, binding?: string) {
    const protection = mode === 'secure-aggregation' ? { mode, smallCohortAcknowledged: true } : { mode };
    const plan = planOf({ minimumCohort: 3 }, { protection });
    const bytes = ringToBytes(vector);
    const payload = mode === 'secure-aggregation' ? bytes : seal(boxKeys.publicKey, bytes);
    const frame = signedFrame(identity, {
      ...{ type: 'update', context: contextOf(plan, counts), siteId: site('a'), payload },
      ...(binding !== undefined && { binding }),
    });
    const keys = {
      roster,
      boxKeys,
      plan,
      vectorLength: plan.parameterCount,
      layout: undefined,
      counts: counting,
    };
    return admit(keys, site('a'), frame);
  }

  it.each(['box', 'plain'] as const)('%s: sealed, and named when they cannot be counts', (mode) => {
    expect(admitted(mode, Uint32Array.of(4, 7, 1))).toMatchObject({
      kind: 'answered',
      answer: { type: 'update', vector: Uint32Array.of(4, 7, 1) },
    });
    const rejected = { kind: 'rejected', siteId: 'a' };
    expect(admitted(mode, Uint32Array.of(4, -7, 1))).toMatchObject({ ...rejected, reason: 'out-of-range' });
    expect(admitted(mode, Uint32Array.of(4, 7, 2))).toMatchObject({ ...rejected, reason: 'out-of-range' });
    expect(admitted(mode, Uint32Array.of(4, 1))).toMatchObject({ ...rejected, reason: 'wrong-shape' });
    expect(admitted(mode, Uint32Array.of(4, 7, 8, 1))).toEqual({ ...rejected, reason: 'oversize' });
  });

  it('masked: whatever the values, but not of another length', () => {
    const binding = '0'.repeat(128);
    const noise = Uint32Array.of(4_000_000_000, 5, 77);
    expect(admitted('secure-aggregation', noise, binding)).toMatchObject({
      answer: { vector: noise, binding },
    });
    expect(admitted('secure-aggregation', Uint32Array.of(4, 1), binding)).toMatchObject({
      kind: 'rejected',
      reason: 'wrong-shape',
    });
  });
});
