/** What the suites of a cheating coordinator share: one victim, messages that are changed on their way to it. */
import type { CoordinatorMessage, MessageOf, SiteMessage } from '../../shared/protocol/messages.ts';
import type { Advertisement } from '../../shared/protocol/masking-messages.ts';
import { site, type SecaggOptions, type SecaggOutcome, type World } from './secagg-world.ts';

export const VICTIM = site('a');
export type Down<T extends CoordinatorMessage['type']> = MessageOf<CoordinatorMessage, T>;

/** Changes one kind of message on its way to the victim, and signs it as the coordinator. */
export function cheat<T extends CoordinatorMessage['type']>(
  type: T,
  change: (message: Down<T>, world: World) => Down<T>,
): NonNullable<SecaggOptions['tamperDown']> {
  return (siteId, message, world) => {
    if (siteId !== VICTIM || !isOf(message, type)) return undefined;
    return [world.resign(siteId, change(message, world))];
  };
}

export const isOf = <T extends CoordinatorMessage['type']>(
  message: CoordinatorMessage,
  type: T,
): message is Down<T> => message.type === type;

export const changeEntry = (
  message: Down<'share-keys'>,
  name: string,
  change: (entry: Advertisement) => Advertisement,
): Down<'share-keys'> => ({
  ...message,
  advertisements: message.advertisements.map((entry) => (entry.siteId === name ? change(entry) : entry)),
});

export const answersOf = ({ world }: SecaggOutcome, name: string): SiteMessage['type'][] =>
  world.up.flatMap(({ siteId, message }) => (siteId === name ? [message.type] : []));

/** (R, S + L) of a signature (R, S). */
export function malleate(signature: string): string {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const bytes = Buffer.from(signature, 'hex');
  let s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + order;
  for (let i = 32; i < 64; i++, s >>= 8n) bytes[i] = Number(s & 255n);
  return bytes.toString('hex');
}

/** Until what was sent has arrived. */
export async function passed({ transport }: World): Promise<void> {
  await new Promise<void>((resolve) => {
    transport.clock.schedule(4 * transport.arrivalMs, resolve);
  });
}
