/**
 * Where a site's secrets of a masked round lie, and where they are kept for the case that the process ends: before
 * anything is sent that cannot be taken back.
 */
import { InvariantError } from '../../shared/errors.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { MaskingKeys } from '../../shared/protocol/masking-messages.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { RingVector } from '../../shared/secagg/ring.ts';
import {
  advertisedKeys,
  agreeWithPeers,
  deal,
  keepRelayed,
  maskVector,
  newSecrets,
  reveal,
  roundPeers,
  wipeAgreements,
  wipeSecrets,
  type Agreements,
  type RoundPeers,
  type RoundSecrets,
} from './round-secrets.ts';
import type { SessionMasking } from './state.ts';

interface MaskingDeskOptions {
  readonly siteId: SiteId;
  readonly context: RoundContext;
  /** Of the round's terms. */
  readonly binding: string;
  readonly journal?: { keepSecrets?(secrets: RoundSecrets): Promise<void> } | undefined;
  /** What was kept of this very attempt. Absent: fresh ones. */
  readonly secrets?: RoundSecrets;
}

export class MaskingDesk {
  readonly keys: MaskingKeys;
  readonly #options: MaskingDeskOptions;
  #secrets: RoundSecrets;
  #met: { readonly round: RoundPeers; readonly agreements: Agreements } | undefined;

  constructor(options: MaskingDeskOptions) {
    this.#options = options;
    const { siteId, context, binding, secrets = newSecrets(context) } = options;
    this.#secrets = secrets;
    this.keys = advertisedKeys(secrets, siteId, binding);
  }

  /** Before the keys are advertised. */
  begin(): Promise<void> {
    return this.#keep(this.#secrets);
  }

  async #keep(secrets: RoundSecrets): Promise<void> {
    await this.#options.journal?.keepSecrets?.(secrets);
    this.#secrets = secrets;
  }

  /** False when a peer's key is of low order. */
  meet(masking: SessionMasking): boolean {
    const round = roundPeers(this.#options.siteId, masking);
    const agreements = agreeWithPeers(this.#secrets, round);
    if (agreements) this.#met = { round, agreements };
    return agreements !== undefined;
  }

  /** With what is known of the round by now. */
  #round(masking: SessionMasking): { readonly round: RoundPeers; readonly agreements: Agreements } {
    if (!this.#met && !this.meet(masking)) throw new InvariantError('a peer’s key was not looked at');
    if (!this.#met) throw new InvariantError('the site has not met its peers');
    return { ...this.#met, round: { ...this.#met.round, masking } };
  }

  /** The same bytes every time. */
  async deal(masking: SessionMasking): Promise<Uint8Array> {
    if (this.#secrets.dealt) return this.#secrets.dealt;
    const { round, agreements } = this.#round(masking);
    const dealt = await deal(this.#secrets, round, agreements);
    await this.#keep(dealt);
    return dealt.dealt;
  }

  async keep(
    masking: SessionMasking,
    relayed: { readonly members: readonly SiteId[]; readonly payload: Uint8Array },
  ): Promise<void> {
    const { round, agreements } = this.#round(masking);
    await this.#keep(keepRelayed(this.#secrets, round, agreements, relayed));
  }

  /** In place. */
  mask(vector: RingVector, masking: SessionMasking): void {
    const { round, agreements } = this.#round(masking);
    maskVector(vector, this.#secrets, round, agreements);
  }

  reveal(masking: SessionMasking): Uint8Array {
    return reveal(this.#secrets, this.#round(masking).round);
  }

  wipe(): void {
    wipeSecrets(this.#secrets);
    if (this.#met) wipeAgreements(this.#met.agreements);
    this.#met = undefined;
  }
}

/** What messages are bound to once the members are known. */
export function memberBindingOf({ peers }: SessionMasking): string {
  if (!peers) throw new InvariantError('nothing is bound to members before they are listed');
  return peers.memberBinding;
}
