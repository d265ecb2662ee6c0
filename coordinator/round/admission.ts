/**
 * From an untrusted frame to an event of the round: schema, sender, signature, box, shape, finiteness, range; in this
 * order, so that what is cheap and says most comes first. A frame that fails becomes a `rejected` event of the site
 * on whose connection it came, never an exception.
 */
import type { AgreementKeyPair } from '../../shared/crypto/agreement.ts';
import { openSealed } from '../../shared/crypto/sealed-box.ts';
import { verifyStatement } from '../../shared/crypto/statement.ts';
import { wipe } from '../../shared/crypto/bytes.ts';
import type { SiteId } from '../../shared/ids.ts';
import { decodeSiteMessage, type Frame } from '../../shared/protocol/codec.ts';
import type { MessageOf, SiteMessage } from '../../shared/protocol/messages.ts';
import type { DropReason } from '../../shared/protocol/reasons.ts';
import { siteStatement } from '../../shared/protocol/signatures.ts';
import { decodeUpdate, sealedUpdateBytes } from '../../shared/protocol/update-payload.ts';
import { isSummable } from '../aggregation/fedavg.ts';
import type { Answer, RoundEvent } from './events.ts';

export interface AdmissionKeys {
  /** Ed25519 public keys of the enrolled sites. */
  readonly roster: ReadonlyMap<SiteId, Uint8Array>;
  /** The pair that updates are sealed for. */
  readonly boxKeys: AgreementKeyPair;
  readonly parameterCount: number;
}

/** `sender` is the site that the transport has authenticated. */
export function admit(keys: AdmissionKeys, sender: SiteId, frame: Frame): RoundEvent {
  const reject = (reason: DropReason): RoundEvent => ({ kind: 'rejected', siteId: sender, reason });
  const decoded = decodeSiteMessage(frame, sealedUpdateBytes(keys.parameterCount));
  if (!decoded.ok) return reject(decoded.reason);
  const { message } = decoded;
  const publicKey = keys.roster.get(sender);
  if (message.siteId !== sender || !publicKey) return reject('bad-signature');
  const { signature } = message;
  if (!verifyStatement(publicKey, { ...siteStatement(message), signature })) return reject('bad-signature');
  const answer = answerOf(keys, message);
  return typeof answer === 'string'
    ? reject(answer)
    : { kind: 'answered', siteId: sender, context: message.context, answer };
}

function answerOf(keys: AdmissionKeys, message: SiteMessage): Answer | DropReason {
  switch (message.type) {
    case 'advertise':
      return { type: 'advertise' };
    case 'refuse':
      return { type: 'refuse' };
    case 'update':
      return openUpdate(keys, message);
  }
}

function openUpdate(keys: AdmissionKeys, message: MessageOf<SiteMessage, 'update'>): Answer | DropReason {
  const plaintext = openSealed(keys.boxKeys, message.payload);
  if (!plaintext) return 'undecryptable';
  const decoded = decodeUpdate(plaintext, keys.parameterCount);
  wipe(plaintext);
  if (!decoded.ok) return decoded.reason;
  return isSummable(decoded.update) ? { type: 'update', update: decoded.update } : 'out-of-range';
}
