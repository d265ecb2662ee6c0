/** What a site's agent holds of the round it is in, and how its finished update becomes what is sent. */
import type { Identity } from '../../shared/crypto/identity.ts';
import { InvariantError } from '../../shared/errors.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import { sameContext } from '../../shared/protocol/messages.ts';
import type { UpdatePayload } from '../../shared/protocol/update-payload.ts';
import type { RingVector } from '../../shared/secagg/ring.ts';
import type { SiteState } from '../training/site-state.ts';
import { signedFrame, wrapCounts, wrapUpdate, type UpdateWrapping } from './answers.ts';
import type { Announced } from './interrupted-round.ts';
import { memberBindingOf, type MaskingDesk } from './masking-desk.ts';
import type { Session, SessionMasking } from './state.ts';

export interface RoundDesk extends Announced {
  training?: AbortController;
  update?: UpdatePayload;
  /** In the round of counts. */
  counts?: readonly number[];
  /** What the site keeps if this update counts. */
  kept?: SiteState;
  /** Protected and signed once, so that a repetition is the same bytes. */
  sealed?: Frame;
  masking?: MaskingDesk;
  cancelExpiry?: () => void;
}

/** The finished update of a round that may be repeated: it is masked anew, and nothing is trained again. */
export type Aside = Pick<RoundDesk, 'context' | 'update' | 'kept'>;

/** What is set aside when the round of this desk is left. */
export function setAside(
  { context, update, kept }: RoundDesk,
  { inVain }: Session,
  before: Aside | undefined,
): Aside | undefined {
  if (!inVain) return undefined;
  return update && sameContext(inVain.context, context) ? { context, update, ...(kept && { kept }) } : before;
}

export interface Sender {
  readonly siteId: SiteId;
  readonly identity: Identity;
}

/** The finished update or counts, protected as the plan says and signed. */
export function sealedUpdate(
  desk: RoundDesk,
  masking: SessionMasking | undefined,
  { siteId, identity }: Sender,
): Frame {
  const { masking: secrets, context } = desk;
  const mask = (vector: RingVector): void => {
    if (masking) secrets?.mask(vector, masking);
  };
  const payload = payloadOf(desk, { ...desk, siteId, mask });
  const bound = masking && { binding: memberBindingOf(masking) };
  return signedFrame(identity, { type: 'update', context, siteId, ...bound, payload });
}

function payloadOf({ update, counts }: RoundDesk, wrapping: UpdateWrapping): Uint8Array {
  if (counts) return wrapCounts(counts, wrapping);
  if (!update) throw new InvariantError('an upload needs a finished update');
  return wrapUpdate(update, wrapping);
}
