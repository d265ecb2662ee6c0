/** What chain and receipts together say against a site's ledger. */
import type { LedgerReading } from './ledger-file.ts';
import { hashReceipt } from './receipt.ts';
import type { CheckedReceipt } from './receipt-files.ts';

/** Undefined when nothing is wrong. Receipts show an end that was cut off. */
export function ledgerFault(
  { entries, fault }: LedgerReading,
  receipts: readonly CheckedReceipt[],
): string | undefined {
  if (fault) return `line ${String(fault.line)} ${fault.what}`;
  const entered = new Set(
    entries.flatMap(({ event }) => (event.kind === 'receipt' ? [event.receiptHash] : [])),
  );
  const missing = receipts.find(({ receipt }) => receipt && !entered.has(hashReceipt(receipt)));
  return missing && `the receipt ${missing.file} is not in it: entries at its end are missing`;
}
