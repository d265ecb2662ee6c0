/** What people are shown of the record of administrative acts. */
import { z } from 'zod';

const count = z.int().min(0);

export const ledgerEntrySchema = z.strictObject({
  sequence: z.int(),
  at: z.iso.datetime(),
  actor: z.string(),
  act: z.string(),
  subject: z.string(),
  /** Any JSON value: what stands there may have been changed. */
  detail: z.unknown(),
  previousHash: z.string(),
  hash: z.string(),
  signature: z.string(),
});
export type LedgerEntry = z.infer<typeof ledgerEntrySchema>;

export const ledgerSearchSchema = z.strictObject({
  /** Newest first. */
  entries: z.array(ledgerEntrySchema),
  /** `before` of the next page; null: that was the last one. */
  next: z.int().min(1).nullable(),
  /** Entries of the whole ledger. */
  total: count,
});
export type LedgerPage = z.infer<typeof ledgerSearchSchema>;

/** What can be chosen from. */
export const ledgerChoicesSchema = z.strictObject({
  actors: z.array(z.string()),
  acts: z.array(z.string()),
});
export type LedgerChoices = z.infer<typeof ledgerChoicesSchema>;

export const verificationSchema = z.strictObject({
  entries: count,
  /** The first entry that is not what was written; null: all are. */
  brokenAt: count.nullable(),
});
export type Verification = z.infer<typeof verificationSchema>;
