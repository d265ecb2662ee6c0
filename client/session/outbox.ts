/**
 * Where a site's answers leave the building. Everything with a payload, and every refusal, stands in the ledger before
 * it is sent; without a ledger, as in a simulation, it is sent at once.
 */
import type { Clock } from '../../shared/clock.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import type { RoundContext, SiteMessage } from '../../shared/protocol/messages.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { CoordinatorLink } from '../../shared/protocol/transport.ts';
import type { RoundAct, RoundLedger } from '../ledger/acts.ts';
import { signedFrame } from './answers.ts';

type Unsigned = Parameters<typeof signedFrame>[1];

export interface OutboxOptions {
  readonly identity: Identity;
  readonly link: Pick<CoordinatorLink, 'send'>;
  readonly ledger?: RoundLedger | undefined;
  readonly clock: Pick<Clock, 'elapsedMs'>;
  /** How the plan of the round in hand protects updates. */
  protection(): Plan['protection']['mode'];
  /** Told when an entry cannot be written: nothing is sent any more. */
  fail(error: unknown): void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  #last: Promise<void> = Promise.resolve();
  #isBroken = false;
  /** Entered already: a repetition of the same bytes tells nobody anything new. */
  #entered = new Set<string>();
  #minute = { sinceMs: -Infinity, refusals: 0 };

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  send(unsigned: Unsigned): void {
    if (unsigned.type === 'refuse' && this.#isFlood()) return;
    const act = unsigned.type === 'refuse' ? refusalOf(unsigned) : undefined;
    this.transmit(unsigned, signedFrame(this.#options.identity, unsigned), act);
  }

  /** A frame that was signed before. */
  transmit(about: Pick<SiteMessage, 'type' | 'context'>, frame: Frame, act?: RoundAct): void {
    const { ledger, link } = this.#options;
    if (!ledger) {
      link.send(frame);
      return;
    }
    const entry = act ?? this.#sentAct(about, frame);
    this.#inOrder(async () => {
      if (entry) await ledger.enter(entry);
      link.send(frame);
    });
  }

  /** An act that sends nothing itself, before all that is sent later. */
  enter(act: RoundAct): void {
    const { ledger } = this.#options;
    if (ledger) this.#inOrder(() => ledger.enter(act));
  }

  /** Where the ledger stands after all that was entered until now: told, and not entered itself. */
  tellHead(context: RoundContext, siteId: SiteId): void {
    const { ledger, link, identity } = this.#options;
    if (!ledger?.head) return;
    this.#inOrder(() => {
      const head = ledger.head?.();
      if (head) link.send(signedFrame(identity, { type: 'anchor', context, siteId, ledger: head }));
      return Promise.resolve();
    });
  }

  /** Whoever asks for what is refused, again and again, must not fill the disk: what is not entered is not sent. */
  #isFlood(): boolean {
    const { ledger, clock } = this.#options;
    if (!ledger) return false;
    const nowMs = clock.elapsedMs();
    if (nowMs - this.#minute.sinceMs >= MINUTE_MS) this.#minute = { sinceMs: nowMs, refusals: 0 };
    return ++this.#minute.refusals > MAX_REFUSALS_PER_MINUTE;
  }

  /** Resolves when nothing waits any more. */
  idle(): Promise<void> {
    return this.#last;
  }

  #inOrder(work: () => Promise<void>): void {
    this.#last = this.#last
      .then(() => (this.#isBroken ? undefined : work()))
      .catch((error: unknown) => {
        this.#isBroken = true;
        this.#options.fail(error);
      });
  }

  #sentAct({ type, context }: Pick<SiteMessage, 'type' | 'context'>, frame: Frame): RoundAct | undefined {
    if (!frame.payload) return undefined;
    const payloadHash = sha512Hex(frame.payload);
    const key = `${context.runId} ${String(context.round)} ${String(context.attempt)} ${type} ${payloadHash}`;
    if (this.#entered.has(key)) return undefined;
    // Only the round in hand repeats itself.
    if (this.#entered.size >= MAX_REMEMBERED) this.#entered = new Set();
    this.#entered.add(key);
    const payloadBytes = frame.payload.byteLength;
    const protection = this.#options.protection();
    return { kind: 'sent', ...context, what: type, payloadBytes, payloadHash, protection };
  }
}

const MINUTE_MS = 60_000;
/** An honest run needs one in a round. */
export const MAX_REFUSALS_PER_MINUTE = 30;

/** Of a few rounds. */
const MAX_REMEMBERED = 100;

const refusalOf = ({
  context,
  reason,
}: {
  readonly context: RoundContext;
  readonly reason: Extract<RoundAct, { kind: 'refused' }>['reason'];
}): RoundAct => ({ kind: 'refused', ...context, reason });
