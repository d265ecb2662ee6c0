/** From what a round wants said to the frames that say it: signed, with the plan's fields and the model's bytes. */
import type { AgreementKeyPair } from '../../shared/crypto/agreement.ts';
import { toHex } from '../../shared/crypto/bytes.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import { signStatement } from '../../shared/crypto/statement.ts';
import type { SiteId } from '../../shared/ids.ts';
import { encodeCoordinatorMessage, type Frame } from '../../shared/protocol/codec.ts';
import { encodeModel } from '../../shared/protocol/model-payload.ts';
import type { LedgerAnchor } from '../../shared/protocol/ledger-anchor.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import {
  abortedStatement,
  ackStatement,
  announceStatement,
  countStatement,
  publishedStatement,
  relayStatement,
  shareKeysStatement,
  survivorsStatement,
  trainStatement,
  unmaskStatement,
  type Statement,
} from '../../shared/protocol/signatures.ts';
import { serverControlOf, type ServerState } from '../aggregation/server.ts';
import type { Outgoing } from './events.ts';

export interface FrameSource {
  readonly plan: Plan;
  readonly identity: Identity;
  readonly boxKeys: AgreementKeyPair;
  /** What the round starts from: of the weights what takes part in it. */
  readonly state: ServerState;
  /** Of the federation, where the plan needs them; unknown in the round that counts. */
  readonly classCounts?: readonly number[];
  /** Where the coordinator's ledger stood when the attempt began. */
  readonly ledger?: LedgerAnchor;
}

export class OutgoingFrames {
  readonly #source: FrameSource;
  readonly #known = new Map<string, Frame>();

  constructor(source: FrameSource) {
    this.#source = source;
  }

  /** The same request goes to every site of a cohort: it is signed and encoded once. */
  of(to: SiteId, context: RoundContext, message: Outgoing): Frame {
    const key = frameKey(message);
    const known = key === undefined ? undefined : this.#known.get(key);
    if (known) return known;
    const frame = this.#encode(to, context, message);
    if (key !== undefined) this.#known.set(key, frame);
    return frame;
  }

  #encode(to: SiteId, context: RoundContext, message: Outgoing): Frame {
    const { plan, boxKeys, state, classCounts, ledger } = this.#source;
    switch (message.type) {
      case 'announce': {
        const { cohort, masking } = message;
        const optional = {
          ...(masking && { masking }),
          ...(classCounts && { classCounts: [...classCounts] }),
          ...(ledger && { ledger }),
        };
        const unsigned = {
          context,
          plan,
          cohort: [...cohort],
          boxKey: toHex(boxKeys.publicKey),
          ...optional,
        };
        const signature = this.#sign(announceStatement(unsigned));
        return encodeCoordinatorMessage({ type: 'announce', ...unsigned, signature });
      }
      case 'train': {
        const unsigned = { context, cohort: [...message.cohort] };
        const signature = this.#sign(trainStatement(unsigned));
        const payload = encodeModel(state.weights, serverControlOf(state));
        return encodeCoordinatorMessage({ type: 'train', ...unsigned, signature, payload });
      }
      case 'count': {
        const unsigned = { context, cohort: [...message.cohort] };
        const signature = this.#sign(countStatement(unsigned));
        return encodeCoordinatorMessage({ type: 'count', ...unsigned, signature });
      }
      case 'share-keys': {
        const unsigned = { context, advertisements: [...message.advertisements] };
        const signature = this.#sign(shareKeysStatement(unsigned));
        return encodeCoordinatorMessage({ type: 'share-keys', ...unsigned, signature });
      }
      case 'relay': {
        const unsigned = { context, members: [...message.members], payload: message.payload };
        const signature = this.#sign(relayStatement(unsigned, to));
        return encodeCoordinatorMessage({ type: 'relay', ...unsigned, signature });
      }
      case 'survivors': {
        const unsigned = { context, survivors: [...message.survivors] };
        const signature = this.#sign(survivorsStatement(unsigned));
        return encodeCoordinatorMessage({ type: 'survivors', ...unsigned, signature });
      }
      case 'unmask': {
        const unsigned = { context, signatures: [...message.signatures] };
        const signature = this.#sign(unmaskStatement(unsigned));
        return encodeCoordinatorMessage({ type: 'unmask', ...unsigned, signature });
      }
      case 'ack': {
        const unsigned = { context, of: message.of, result: message.result };
        const signature = this.#sign(ackStatement(unsigned, to));
        return encodeCoordinatorMessage({ type: 'ack', ...unsigned, signature });
      }
      case 'published':
      case 'aborted':
        return endFrame(this.#source.identity, context, message);
    }
  }

  #sign(statement: Statement): string {
    return signed(this.#source.identity, statement);
  }
}

const signed = (identity: Identity, { purpose, fields }: Statement): string =>
  signStatement(identity, purpose, fields);

/** How a round has ended: the same for all sites, and whenever it is said. */
export function endFrame(
  identity: Identity,
  context: RoundContext,
  message: Extract<Outgoing, { type: 'published' | 'aborted' }>,
): Frame {
  if (message.type === 'published') {
    const unsigned = { ...message, context };
    return encodeCoordinatorMessage({
      ...unsigned,
      signature: signed(identity, publishedStatement(unsigned)),
    });
  }
  const unsigned = { context, reason: message.reason };
  const signature = signed(identity, abortedStatement(unsigned));
  return encodeCoordinatorMessage({ type: 'aborted', ...unsigned, signature });
}

/** What is the same for all sites, by name; undefined for what is one site's own. */
function frameKey(message: Outgoing): string | undefined {
  switch (message.type) {
    case 'announce':
    case 'train':
    case 'count':
      // Without masks a site that comes back is told of the cohort as it is then.
      return `${message.type} ${message.cohort.join(' ')}`;
    case 'share-keys':
    case 'survivors':
    case 'unmask':
    case 'published':
    case 'aborted':
      return message.type;
    case 'relay':
    case 'ack':
      return undefined;
  }
}
