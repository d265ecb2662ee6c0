/** What a site answers in the phases of a masked round (Bonawitz et al. 2017, Figure 4, the users' side), unsigned. */
import { fromHex } from '../../shared/crypto/bytes.ts';
import { seal } from '../../shared/crypto/sealed-box.ts';
import type { SiteId } from '../../shared/ids.ts';
import { hashSites } from '../../shared/protocol/masking-context.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { signedFrame } from './answers.ts';
import { memberBindingOf, type MaskingDesk } from './masking-desk.ts';
import type { SessionMasking } from './state.ts';

type Unsigned = Parameters<typeof signedFrame>[1];

/** The round that the site is in, with its secrets. */
export interface MaskedRound {
  readonly siteId: SiteId;
  readonly context: RoundContext;
  readonly masking: SessionMasking;
  readonly desk: MaskingDesk;
}

/** The same bytes every time. */
export async function sharesAnswer({ siteId, context, masking, desk }: MaskedRound): Promise<Unsigned> {
  const payload = await desk.deal(masking);
  return { type: 'shares', context, siteId, binding: memberBindingOf(masking), payload };
}

export function consistentAnswer({ siteId, context, masking }: MaskedRound): Unsigned {
  const survivorsHash = hashSites(masking.survivors ?? []);
  return { type: 'consistent', context, siteId, binding: memberBindingOf(masking), survivorsHash };
}

/** @param boxKey of the coordinator: X25519, hexadecimal */
export function unmaskedAnswer({ siteId, context, masking, desk }: MaskedRound, boxKey: string): Unsigned {
  const payload = seal(fromHex(boxKey), desk.reveal(masking));
  return { type: 'unmasked', context, siteId, binding: memberBindingOf(masking), payload };
}
