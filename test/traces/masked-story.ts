/** Stories under secure aggregation: what sites send is made up, since the round itself looks at no secret. */
import type { RoundRules } from '../../coordinator/round/state.ts';
import { rulesOf } from '../../coordinator/round/state.ts';
import { hashSites } from '../../shared/protocol/masking-context.ts';
import type { Culprit } from '../../coordinator/round/events.ts';
import { dealtBytes, revealedBytes } from '../../shared/protocol/share-payload.ts';
import { newRingVector } from '../../shared/secagg/ring.ts';
import { dealersOf } from '../../coordinator/round/masking-step.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import { modelHash, planOf, site, sites } from '../coordinator/fixtures.ts';
import { Story } from './story.ts';

export const maskedPlan = planOf(
  { minimumCohort: 4, minimumSurvivors: 3 },
  { protection: { mode: 'secure-aggregation', smallCohortAcknowledged: true } },
);

export const maskedRules: RoundRules = rulesOf(maskedPlan, {
  plan: maskedPlan,
  rosterHash: '0'.repeat(128),
  coordinatorKey: '1'.repeat(64),
  previous: null,
});

/** A key for every name and use: letters are enough, as nothing is computed with them. */
const keyOf = (name: string, use: string): string =>
  Buffer.from(`${name}${use}`).toString('hex').padEnd(64, '0');

export class MaskedStory extends Story {
  constructor(
    title: string,
    available: readonly string[],
    rules: RoundRules = maskedRules,
    position: Partial<RoundContext> = {},
  ) {
    super(title, available, rules, position);
  }

  advertise(...names: string[]): this {
    for (const name of names) {
      const { binding } = this.#masking();
      const keys = {
        binding,
        channelKey: keyOf(name, 'c'),
        maskKey: keyOf(name, 's'),
        commitment: keyOf(name, 'b').repeat(2),
      };
      this.answers(site(name), { type: 'advertise', keys, signature: 'f'.repeat(128) });
    }
    return this;
  }

  deal(...names: string[]): this {
    for (const name of names) {
      const { memberBinding, advertisements } = this.#masking();
      const dealt = new Uint8Array(dealtBytes(advertisements.length - 1));
      this.answers(site(name), { type: 'shares', binding: memberBinding, dealt, signature: 's'.repeat(128) });
    }
    return this;
  }

  sendMasked(...names: string[]): this {
    for (const name of names) {
      const { memberBinding: binding } = this.#masking();
      this.answers(site(name), { type: 'update', vector: newRingVector(32, 4), binding });
    }
    return this;
  }

  sign(...names: string[]): this {
    for (const name of names) {
      const { memberBinding: binding, survivors } = this.#masking();
      const survivorsHash = hashSites(survivors);
      this.answers(site(name), { type: 'consistent', binding, survivorsHash, signature: 'e'.repeat(128) });
    }
    return this;
  }

  signOthers(name: string, ...others: string[]): this {
    const { memberBinding: binding } = this.#masking();
    const survivorsHash = hashSites(sites(...others));
    return this.answers(site(name), {
      type: 'consistent',
      binding,
      survivorsHash,
      signature: 'e'.repeat(128),
    });
  }

  reveal(...names: string[]): this {
    for (const name of names) {
      const masking = this.#masking();
      const revealed = new Uint8Array(revealedBytes(dealersOf(masking, site(name)).length));
      this.answers(site(name), { type: 'unmasked', binding: masking.memberBinding, revealed });
    }
    return this;
  }

  unmasked(...culprits: Culprit[]): this {
    const unmasked = { sumDigest: '2'.repeat(128), transcript: '3'.repeat(128) };
    return this.happens({ kind: 'aggregated', newModelHash: modelHash('b'), unmasked, culprits }).happens({
      kind: 'evaluated',
    });
  }

  #masking() {
    const masking = 'masking' in this.round ? this.round.masking : undefined;
    if (!masking) throw new Error(`the round is in ${this.round.phase} and has no masks`);
    return masking;
  }
}
