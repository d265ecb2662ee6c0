/**
 * Where a ledger stands: how many entries it has, and the hash of the last one, on which all before depend. Coordinator and
 * site tell each other theirs in every round and enter what they were told: whoever shortens or rewrites its own ledger
 * later contradicts the other's.
 */
import { z } from 'zod';
import { hexOf } from './hex.ts';

export const ledgerAnchorSchema = z.strictObject({
  entries: z.int().min(0),
  /** SHA-512; zeros of a ledger without entries. */
  hash: hexOf(64),
});
export type LedgerAnchor = z.infer<typeof ledgerAnchorSchema>;

/**
 * The first anchor that two ledgers disagree about; undefined when the one that was told of is the one that is there.
 * @param hashAt of the ledger that is there: its last hash when it had so many entries; undefined where it has fewer
 */
export function firstMisfit<A extends LedgerAnchor>(
  anchors: readonly A[],
  hashAt: (entries: number) => string | undefined,
): A | undefined {
  return anchors.find(({ entries, hash }) => hashAt(entries) !== hash);
}

/** The first anchor that an earlier one contradicts: a ledger neither gets shorter nor changes. */
export function firstContradiction<A extends LedgerAnchor>(anchors: readonly A[]): A | undefined {
  return anchors.find(({ entries, hash }, i) => {
    const before = anchors[i - 1];
    return before && (entries < before.entries || (entries === before.entries && hash !== before.hash));
  });
}
