/** From a frame of the coordinator to an event of the session: schema, signature, hashes. Decisions are `step.ts`'s. */
import { verifyStatement } from '../../shared/crypto/statement.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { modelHashSchema } from '../../shared/ids.ts';
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
      const modelHash = modelHashSchema.parse(sha512Hex(message.payload));
      return { kind: 'trainRequested', context, cohort, modelHash, authentic };
    }
    case 'ack':
      return { kind: 'acknowledged', context, of: message.of, result: message.result };
    case 'published':
    case 'aborted':
      return { kind: 'closed', context, published: message.type === 'published' };
  }
}
