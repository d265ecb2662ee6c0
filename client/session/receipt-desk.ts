/** Collects what the coordinator signs in a round, and makes it a receipt when the round is published with this site. */
import type { SiteId } from '../../shared/ids.ts';
import { sameContext, type CoordinatorMessage, type RoundContext } from '../../shared/protocol/messages.ts';
import { receiptFault, receiptOf, withEvidence, type Evidence, type Receipt } from '../ledger/receipt.ts';
import type { SessionEvent } from './events.ts';

export interface ReceiptDeskOptions {
  readonly siteId: SiteId;
  readonly coordinatorKey: Uint8Array;
  /** Absent: no receipts. */
  readonly receipts?: { keep(receipt: Receipt): Promise<void> } | undefined;
  readonly journal?: { keepEvidence?(evidence: Evidence): Promise<void> } | undefined;
}

export class ReceiptDesk {
  readonly #options: ReceiptDeskOptions;
  #evidence: Evidence | undefined;

  /** `evidence`: of the round that the program ended in. */
  constructor(options: ReceiptDeskOptions, evidence: Evidence | undefined) {
    this.#options = options;
    this.#evidence = evidence;
  }

  /** A message of the round that the site is in. */
  async hear(event: SessionEvent, message: CoordinatorMessage): Promise<void> {
    const { receipts, journal } = this.#options;
    if (!receipts || !('authentic' in event && event.authentic)) return;
    const before = this.#evidenceOf(message.context);
    const evidence = withEvidence(before, message);
    if (evidence === before) return;
    this.#evidence = evidence;
    await journal?.keepEvidence?.(evidence);
  }

  /** The round is published with this site's update. Without anything signed that names the site there is no receipt. */
  async keep(message: CoordinatorMessage | undefined): Promise<void> {
    const { receipts, siteId, coordinatorKey } = this.#options;
    if (!receipts || message?.type !== 'published') return;
    const receipt = receiptOf(siteId, this.#evidenceOf(message.context), message);
    if (receiptFault(receipt, coordinatorKey) === undefined) await receipts.keep(receipt);
  }

  #evidenceOf(context: RoundContext): Evidence {
    const known = this.#evidence;
    return known && sameContext(known.context, context) ? known : { context };
  }
}
