/**
 * From an untrusted frame to an event of the round: schema, sender, signature, box, shape, finiteness, range, norm; in this
 * order, so that what is cheap and says most comes first. A frame that fails becomes a `rejected` event of the site
 * on whose connection it came, never an exception.
 */
import type { AgreementKeyPair } from '../../shared/crypto/agreement.ts';
import { openSealed } from '../../shared/crypto/sealed-box.ts';
import { verifyStatement } from '../../shared/crypto/statement.ts';
import type { SiteId } from '../../shared/ids.ts';
import { decodeSiteMessage, type Frame } from '../../shared/protocol/codec.ts';
import type { MessageOf, SiteMessage } from '../../shared/protocol/messages.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { DropReason } from '../../shared/protocol/reasons.ts';
import { siteStatement } from '../../shared/protocol/signatures.ts';
import { decodeUpdate, updateBytes } from '../../shared/protocol/update-payload.ts';
import { isSummable } from '../aggregation/fedavg.ts';
import type { Answer, RoundEvent } from './events.ts';

export interface AdmissionKeys {
  /** Ed25519 public keys of the enrolled sites. */
  readonly roster: ReadonlyMap<SiteId, Uint8Array>;
  /** The pair that updates are sealed for. */
  readonly boxKeys: AgreementKeyPair;
  readonly parameterCount: number;
  /** `vectorCountOf` the plan's strategy. */
  readonly vectorCount: 1 | 2;
  /** The plan's: whether updates come in a box. */
  readonly protection: Plan['protection']['mode'];
  /** L2 bound on an update's delta; undefined: none. */
  readonly maximumUpdateL2Norm: number | undefined;
}

/** `sender` is the site that the transport has authenticated. */
export function admit(keys: AdmissionKeys, sender: SiteId, frame: Frame): RoundEvent {
  const reject = (reason: DropReason): RoundEvent => ({ kind: 'rejected', siteId: sender, reason });
  const longest = updateBytes(keys.protection, keys.parameterCount, keys.vectorCount);
  const decoded = decodeSiteMessage(frame, longest);
  if (!decoded.ok) return reject(decoded.reason);
  const { message } = decoded;
  const publicKey = keys.roster.get(sender);
  if (message.siteId !== sender || !publicKey) return reject('bad-signature');
  const { signature } = message;
  if (!verifyStatement(publicKey, { ...siteStatement(message), signature })) return reject('bad-signature');
  if (message.type === 'progress')
    return { kind: 'stepsDone', siteId: sender, context: message.context, steps: message.steps };
  const answer = answerOf(keys, message);
  return typeof answer === 'string'
    ? reject(answer)
    : { kind: 'answered', siteId: sender, context: message.context, answer };
}

type AnswerMessage = Exclude<SiteMessage, { type: 'progress' }>;

function answerOf(keys: AdmissionKeys, message: AnswerMessage): Answer | DropReason {
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
  const isSealed = keys.protection === 'box';
  const plaintext = isSealed ? openSealed(keys.boxKeys, message.payload) : message.payload;
  if (!plaintext) return 'undecryptable';
  const decoded = decodeUpdate(plaintext, keys.parameterCount, keys.vectorCount);
  if (!decoded.ok) return decoded.reason;
  const { update } = decoded;
  if (!isSummable(update)) return 'out-of-range';
  if (update.controlDelta && !isSummable({ ...update, delta: update.controlDelta })) return 'out-of-range';
  if (keys.maximumUpdateL2Norm !== undefined && l2Norm(update.delta) > keys.maximumUpdateL2Norm)
    return 'over-norm';
  return { type: 'update', update };
}

function l2Norm(vector: Float32Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}
