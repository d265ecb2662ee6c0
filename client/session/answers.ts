/** What a site sends: its answers, signed, and its update as the plan hides it. */
import { fromHex, wipe } from '../../shared/crypto/bytes.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import { seal } from '../../shared/crypto/sealed-box.ts';
import { signStatement } from '../../shared/crypto/statement.ts';
import type { SiteId } from '../../shared/ids.ts';
import { countsLayout, encodeCounts } from '../../shared/protocol/class-counts.ts';
import { encodeSiteMessage, type Frame } from '../../shared/protocol/codec.ts';
import { layoutOf } from '../../shared/protocol/masking-context.ts';
import type { RoundContext, SiteMessage } from '../../shared/protocol/messages.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import { encodeRingUpdate } from '../../shared/protocol/ring-update.ts';
import { siteStatement } from '../../shared/protocol/signatures.ts';
import { encodeUpdate, type UpdatePayload } from '../../shared/protocol/update-payload.ts';
import { ringToBytes, type RingVector } from '../../shared/secagg/ring.ts';

/** Of each message by itself. */
type Unsigned<M> = M extends { readonly signature: string } ? Omit<M, 'signature'> : never;

export function signedFrame(identity: Identity, unsigned: Unsigned<SiteMessage>): Frame {
  // No statement covers the signature itself.
  const { purpose, fields } = siteStatement({ ...unsigned, signature: '' });
  return encodeSiteMessage({ ...unsigned, signature: signStatement(identity, purpose, fields) });
}

export interface UpdateWrapping {
  readonly plan: Plan;
  readonly context: RoundContext;
  readonly siteId: SiteId;
  /** Everyone who was announced to. */
  readonly cohort: readonly SiteId[];
  /** X25519, hexadecimal. */
  readonly boxKey: string;
  /** Masks a vector, in place, under secure aggregation. */
  readonly mask: (vector: RingVector) => void;
}

/** The update as the plan hides it; a plaintext that is not sent itself is overwritten. */
export function wrapUpdate(update: UpdatePayload, wrapping: UpdateWrapping): Uint8Array {
  const plaintext = encoded(update, wrapping);
  switch (wrapping.plan.protection.mode) {
    case 'secure-aggregation':
    case 'plain':
      return plaintext;
    case 'box': {
      const sealed = seal(fromHex(wrapping.boxKey), plaintext);
      wipe(plaintext);
      return sealed;
    }
  }
}

/** A site's class counts: masked, or sealed whatever the plan's protection is. */
export function wrapCounts(
  counts: readonly number[],
  { plan, cohort, boxKey, mask }: UpdateWrapping,
): Uint8Array {
  const vector = encodeCounts(counts, countsLayout(plan.task.classNames.length, cohort.length));
  mask(vector);
  const bytes = ringToBytes(vector);
  if (plan.protection.mode === 'secure-aggregation') return bytes;
  const sealed = seal(fromHex(boxKey), bytes);
  wipe(bytes);
  return sealed;
}

function encoded(update: UpdatePayload, { plan, context, siteId, cohort, mask }: UpdateWrapping): Uint8Array {
  const { protection, seed } = plan;
  const layout = layoutOf(plan, cohort.length, context.round);
  if (!layout || !protection.ring) return encodeUpdate(update);
  const { exampleCap } = protection.ring;
  const vector = encodeRingUpdate(update, { layout, exampleCap, context, seed, siteId });
  mask(vector);
  return ringToBytes(vector);
}
