/**
 * Where a published model comes from, signed with the federation's key: whoever has the model and that key's fingerprint can
 * check it without the coordinator.
 */
import type { Identity } from '../../shared/crypto/identity.ts';
import { fingerprintOf } from '../../shared/crypto/fingerprint.ts';
import { signStatement } from '../../shared/crypto/statement.ts';
import type { ModelHash, PlanHash, RunId, SiteId } from '../../shared/ids.ts';

export interface ProvenanceFacts {
  readonly modelHash: ModelHash;
  readonly runId: RunId;
  readonly round: number;
  readonly planHash: PlanHash;
  /** Of the model that the round began with; null for the first one. */
  readonly parentHash: ModelHash | null;
  readonly federationId: string;
  /** ISO 8601. */
  readonly publishedAt: string;
  /** Sites whose updates have gone into it, over all rounds; sorted. */
  readonly sites: readonly SiteId[];
}

export interface SignedProvenance extends ProvenanceFacts {
  /** 128 hexadecimal digits, over all fields above. */
  readonly signature: string;
  /** Of the key that signed. */
  readonly fingerprint: string;
}

export function signProvenance(identity: Identity, facts: ProvenanceFacts): SignedProvenance {
  const signature = signStatement(identity, 'model', facts);
  return { ...facts, signature, fingerprint: fingerprintOf(identity.publicKey) };
}
