import { expect, it } from 'vitest';
import { repairOf } from '../../../coordinator/round/masking-step.ts';
import { MAX_HEADER_CHARS } from '../../../shared/protocol/codec.ts';
import { contextOf, planOf, site, sites } from '../fixtures.ts';

const survivors = sites('a', 'b', 'c', 'd');
const context = contextOf(planOf());
const culprit = (name: string, dealtChars: number) => ({
  siteId: site(name),
  reason: 'bad-secret' as const,
  proof: {
    ...{ siteId: site(name), kind: 'own-mask' as const, dealt: '0'.repeat(dealtChars) },
    ...{ signature: '0'.repeat(128), shares: [] },
  },
});

it('a repetition is without those who are proven to have cheated', () => {
  const repair = repairOf({ context, survivors }, [
    culprit('b', 100),
    { siteId: site('c'), reason: 'bad-share' },
  ]);
  expect(repair?.sites).toEqual(sites('a', 'c', 'd'));
  expect(repairOf({ context, survivors }, [{ siteId: site('c'), reason: 'bad-share' }])).toBeUndefined();
});

it('as many proofs as an announcement has room for; the others are still in the repetition', () => {
  const third = Math.floor(MAX_HEADER_CHARS / 3);
  const culprits = [culprit('b', third), culprit('c', third), culprit('d', 100)];
  const repair = repairOf({ context, survivors }, culprits);
  expect(repair?.proofs.map(({ siteId }) => siteId)).toEqual(['b', 'd']);
  expect(repair?.sites).toEqual(sites('a', 'c'));
  expect(repairOf({ context, survivors }, [culprit('b', MAX_HEADER_CHARS)])).toBeUndefined();
});
