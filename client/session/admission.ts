/** From a frame of the coordinator to an event of the session: schema, signature, hashes. Decisions are `step.ts`'s. */
import { verifyStatement } from '../../shared/crypto/statement.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { modelHashSchema, type ModelHash } from '../../shared/ids.ts';
import { decodeCoordinatorMessage, type Frame } from '../../shared/protocol/codec.ts';
import type { CoordinatorMessage } from '../../shared/protocol/messages.ts';
import { hashPlan } from '../../shared/protocol/plan.ts';
import { announceStatement, trainStatement } from '../../shared/protocol/signatures.ts';
import { modelBytes } from '../../shared/protocol/update-payload.ts';
import type { SessionEvent } from './events.ts';

/** Of a model with a hundred million parameters: the largest that a site takes at all. */
const MAX_MODEL_BYTES = modelBytes(100_000_000);

export interface Received {
  readonly message: CoordinatorMessage;
  readonly event: SessionEvent;
}

/** In one process many virtual sites are given the same bytes, which nobody writes to: they are hashed once. */
const modelHashes = new WeakMap<Uint8Array, ModelHash>();

function modelHashOfBytes(payload: Uint8Array): ModelHash {
  const known = modelHashes.get(payload);
  if (known !== undefined) return known;
  const hash = modelHashSchema.parse(sha512Hex(payload));
  modelHashes.set(payload, hash);
  return hash;
}

/** Undefined for a frame that does not follow the protocol; it has no effect on the session. */
export function receive(coordinatorKey: Uint8Array, frame: Frame): Received | undefined {
  const decoded = decodeCoordinatorMessage(frame, MAX_MODEL_BYTES);
  if (!decoded.ok) return undefined;
  const { message } = decoded;
  return { message, event: eventOf(coordinatorKey, message) };
}

function eventOf(coordinatorKey: Uint8Array, message: CoordinatorMessage): SessionEvent {
  const { context } = message;
  switch (message.type) {
    case 'announce': {
      const { cohort, signature } = message;
      const authentic = verifyStatement(coordinatorKey, { ...announceStatement(message), signature });
      return { kind: 'announced', context, cohort, planHash: hashPlan(message.plan), authentic };
    }
    case 'train': {
      const { cohort, signature } = message;
      const authentic = verifyStatement(coordinatorKey, { ...trainStatement(message), signature });
      // The digest is over the canonical bytes, which are the bytes on the wire.
      const modelHash = modelHashOfBytes(message.payload);
      return { kind: 'trainRequested', context, cohort, modelHash, authentic };
    }
    case 'ack':
      return { kind: 'acknowledged', context, of: message.of, result: message.result };
    case 'published':
    case 'aborted':
      return { kind: 'closed', context, published: message.type === 'published' };
  }
}
