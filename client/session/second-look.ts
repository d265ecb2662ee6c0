/**
 * What of a message takes longer to see than `admission.ts` looks: whether proofs hold and, by computing with the secrets of
 * the round, whether a peer's key is of low order.
 */
import type { SiteView } from './admission.ts';
import type { SessionEvent } from './events.ts';
import type { MaskingDesk } from './masking-desk.ts';
import { isRepair } from './repair-check.ts';
import type { SessionMasking } from './state.ts';

interface Surroundings {
  readonly view: SiteView;
  /** Of the round that the event is about, where the site is in it. */
  readonly masking: SessionMasking | undefined;
  readonly desk: MaskingDesk | undefined;
}

type EventOf<K extends SessionEvent['kind']> = Extract<SessionEvent, { kind: K }>;

/** The event with what was found. */
export async function secondLook(event: SessionEvent, around: Surroundings): Promise<SessionEvent> {
  if (event.kind === 'announced') return atRepair(event, around);
  return event.kind === 'peersListed' ? atPeers(event, around) : event;
}

async function atRepair(event: EventOf<'announced'>, { view }: Surroundings): Promise<SessionEvent> {
  const { masking, context, cohort } = event;
  const repair = masking?.header?.repair;
  if (!repair || !event.authentic) return event;
  const isProven = await isRepair(view, { context, cohort, repair });
  return isProven ? { ...event, masking: { ...masking, isRepair: true } } : event;
}

function atPeers(event: EventOf<'peersListed'>, { masking, desk }: Surroundings): SessionEvent {
  if (event.finding !== undefined || !event.authentic) return event;
  if (!masking || masking.peers || !desk) return event;
  const isAgreed = desk.meet({ ...masking, peers: event.peers });
  return isAgreed ? event : { ...event, finding: 'weak-peer-key' };
}
