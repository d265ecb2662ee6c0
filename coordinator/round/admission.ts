/**
 * From an untrusted frame to an event of the round: schema, sender, signature, box, shape, finiteness, range, norm; in this
 * order, so that what is cheap and says most comes first. A frame that fails becomes a `rejected` event of the site
 * on whose connection it came, never an exception.
 */
import { agreementOf, createAgreementKeyPair, type AgreementKeyPair } from '../../shared/crypto/agreement.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { CryptoError } from '../../shared/crypto/crypto-error.ts';
import { openSealed } from '../../shared/crypto/sealed-box.ts';
import { verifyStatement } from '../../shared/crypto/statement.ts';
import type { SiteId } from '../../shared/ids.ts';
import { countsBytes, siteCountsFault, type CountsLayout } from '../../shared/protocol/class-counts.ts';
import { decodeSiteMessage, type Frame } from '../../shared/protocol/codec.ts';
import { MAX_COHORT, type MessageOf, type SiteMessage } from '../../shared/protocol/messages.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { DropReason } from '../../shared/protocol/reasons.ts';
import { siteStatement } from '../../shared/protocol/signatures.ts';
import { dealtBytes } from '../../shared/protocol/share-payload.ts';
import { vectorCountOf } from '../../shared/protocol/strategy.ts';
import { decodeUpdate, ringUpdateBytes, updateBytes } from '../../shared/protocol/update-payload.ts';
import type { VectorLayout } from '../../shared/secagg/masked-vector.ts';
import { ringFromBytes } from '../../shared/secagg/ring.ts';
import { isSummable } from '../aggregation/fedavg.ts';
import type { Answer, RoundEvent } from './events.ts';

export interface AdmissionKeys {
  /** Ed25519 public keys of the enrolled sites. */
  readonly roster: ReadonlyMap<SiteId, Uint8Array>;
  /** The pair that updates are sealed for. */
  readonly boxKeys: AgreementKeyPair;
  /** What of the plan says how an update looks. */
  readonly plan: Pick<Plan, 'protection'> & {
    readonly federation: Pick<Plan['federation'], 'strategy' | 'maximumUpdateL2Norm'>;
  };
  /** Values of the weights that take part in the round. */
  readonly vectorLength: number;
  /** Of the round's cohort, where the plan has a ring and the cohort is known. */
  readonly layout: VectorLayout | undefined;
  /** The same for the round of counts, and in no other. */
  readonly counts?: CountsLayout | undefined;
}

/** Dealt shares of the largest cohort. */
const LONGEST_SHARES = dealtBytes(MAX_COHORT);

/** Length of an update on the wire, in a round whose vectors have this layout. */
export function payloadBytesOf({
  plan,
  layout,
  counts,
  vectorLength,
}: Pick<AdmissionKeys, 'plan' | 'layout' | 'counts' | 'vectorLength'>): number {
  const { mode } = plan.protection;
  if (counts) return countsBytes(mode, counts);
  return layout
    ? ringUpdateBytes(mode, layout)
    : updateBytes(mode, vectorLength, vectorCountOf(plan.federation.strategy));
}

/** `sender` is the site that the transport has authenticated. */
export function admit(keys: AdmissionKeys, sender: SiteId, frame: Frame): RoundEvent {
  const reject = (reason: DropReason): RoundEvent => ({ kind: 'rejected', siteId: sender, reason });
  const longest = payloadBytesOf(keys);
  const isMasked = keys.plan.protection.mode === 'secure-aggregation';
  const decoded = decodeSiteMessage(frame, isMasked ? Math.max(longest, LONGEST_SHARES) : longest);
  if (!decoded.ok) return reject(decoded.reason);
  const { message } = decoded;
  const publicKey = keys.roster.get(sender);
  if (message.siteId !== sender || !publicKey) return reject('bad-signature');
  const { signature } = message;
  if (!verifyStatement(publicKey, { ...siteStatement(message), signature })) return reject('bad-signature');
  if (message.type === 'progress')
    return { kind: 'stepsDone', siteId: sender, context: message.context, steps: message.steps };
  if (message.type === 'anchor')
    return { kind: 'anchored', siteId: sender, context: message.context, ledger: message.ledger };
  const answer = answerOf(keys, message);
  const { context, type: of } = message;
  return typeof answer === 'string'
    ? { kind: 'rejected', siteId: sender, reason: answer, about: { context, of } }
    : { kind: 'answered', siteId: sender, context, answer };
}

type AnswerMessage = Exclude<SiteMessage, { type: 'progress' | 'anchor' }>;

function answerOf(keys: AdmissionKeys, message: AnswerMessage): Answer | DropReason {
  switch (message.type) {
    case 'advertise': {
      const { masking, signature } = message;
      // Its peers would refuse the whole round.
      if (masking && [masking.channelKey, masking.maskKey].some(isLowOrder)) return 'malformed';
      return { type: 'advertise', ...(masking && { keys: masking, signature }) };
    }
    case 'refuse':
      return { type: 'refuse' };
    case 'shares':
      return {
        ...{ type: 'shares', binding: message.binding, dealt: message.payload },
        signature: message.signature,
      };
    case 'consistent': {
      const { binding, survivorsHash, signature } = message;
      return { type: 'consistent', binding, survivorsHash, signature };
    }
    case 'unmasked': {
      const revealed = openSealed(keys.boxKeys, message.payload);
      return revealed ? { type: 'unmasked', binding: message.binding, revealed } : 'undecryptable';
    }
    case 'update':
      if (keys.counts) return openCounts(keys, keys.counts, message);
      return keys.plan.protection.ring ? openVector(keys, message) : openUpdate(keys, message);
  }
}

/** Made once: a private key costs more than the agreement. */
const agreeWithAny = agreementOf(createAgreementKeyPair().secretKey);

function isLowOrder(publicKey: string): boolean {
  try {
    agreeWithAny(fromHex(publicKey));
    return false;
  } catch (error) {
    if (error instanceof CryptoError) return true;
    throw error;
  }
}

type UpdateMessage = MessageOf<SiteMessage, 'update'>;

/** Masked, every value of the ring is as good as any other: the length is all that can be looked at. */
function openVector({ plan, boxKeys, layout }: AdmissionKeys, message: UpdateMessage): Answer | DropReason {
  if (!layout) return 'malformed';
  const isSealed = plan.protection.mode === 'box';
  const bytes = isSealed ? openSealed(boxKeys, message.payload) : message.payload;
  if (!bytes) return 'undecryptable';
  const vector = ringFromBytes(bytes, layout.bits, layout.length);
  return vector ? { type: 'update', vector, binding: message.binding } : 'wrong-shape';
}

/** Without masks the coordinator can see, and name, whose counts cannot be counts. */
function openCounts(
  { plan, boxKeys }: AdmissionKeys,
  counts: CountsLayout,
  { payload, binding }: UpdateMessage,
): Answer | DropReason {
  const isMasked = plan.protection.mode === 'secure-aggregation';
  const bytes = isMasked ? payload : openSealed(boxKeys, payload);
  if (!bytes) return 'undecryptable';
  const vector = ringFromBytes(bytes, counts.bits, counts.length);
  if (!vector) return 'wrong-shape';
  const fault = isMasked ? undefined : siteCountsFault(vector, counts);
  return fault ?? { type: 'update', vector, binding };
}

function openUpdate(
  { plan, boxKeys, vectorLength }: AdmissionKeys,
  message: UpdateMessage,
): Answer | DropReason {
  const { mode } = plan.protection;
  const plaintext = mode === 'box' ? openSealed(boxKeys, message.payload) : message.payload;
  if (!plaintext) return 'undecryptable';
  const { strategy, maximumUpdateL2Norm } = plan.federation;
  const decoded = decodeUpdate(plaintext, vectorLength, vectorCountOf(strategy));
  if (!decoded.ok) return decoded.reason;
  const { update, largest } = decoded;
  if (!isSummable(largest, update.exampleCount)) return 'out-of-range';
  if (maximumUpdateL2Norm !== undefined && l2Norm(update.delta) > maximumUpdateL2Norm) return 'over-norm';
  return { type: 'update', update };
}

function l2Norm(vector: Float32Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}
