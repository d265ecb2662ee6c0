/** Which fields of each message its signature covers: the one place where both ends look. */
import { sha512Hex } from '../crypto/hash.ts';
import type { StatementPurpose } from '../crypto/statement.ts';
import type { SiteId } from '../ids.ts';
import type { CoordinatorMessage, MessageOf, SiteMessage } from './messages.ts';

export interface Statement {
  readonly purpose: StatementPurpose;
  readonly fields: object;
}

/**
 * Payloads are never written to once they are made or received. Where both ends live in one process the same bytes are
 * therefore hashed once.
 */
const digests = new WeakMap<Uint8Array, string>();

function digestOf(payload: Uint8Array): string {
  let digest = digests.get(payload);
  if (digest === undefined) {
    digest = sha512Hex(payload);
    digests.set(payload, digest);
  }
  return digest;
}

type Unsigned<M> = Omit<M, 'signature' | 'type'>;

export function announceStatement(message: Unsigned<MessageOf<CoordinatorMessage, 'announce'>>): Statement {
  // The plan is under the signature by its hash, which the context holds and the site recomputes.
  const { context, cohort, boxKey, masking, classCounts, ledger } = message;
  const optional = {
    ...(masking && { masking }),
    ...(classCounts && { classCounts }),
    ...(ledger && { ledger }),
  };
  return { purpose: 'announce', fields: { context, cohort, boxKey, ...optional } };
}

export function shareKeysStatement(
  message: Unsigned<MessageOf<CoordinatorMessage, 'share-keys'>>,
): Statement {
  const { context, advertisements } = message;
  return { purpose: 'share-keys', fields: { context, advertisements } };
}

/** Of a message to one site. */
export function relayStatement(
  message: Unsigned<MessageOf<CoordinatorMessage, 'relay'>>,
  siteId: SiteId,
): Statement {
  const { context, members, payload } = message;
  return { purpose: 'relay', fields: { context, siteId, members, payloadDigest: digestOf(payload) } };
}

export function survivorsStatement(message: Unsigned<MessageOf<CoordinatorMessage, 'survivors'>>): Statement {
  const { context, survivors } = message;
  return { purpose: 'survivors', fields: { context, survivors } };
}

export function unmaskStatement(message: Unsigned<MessageOf<CoordinatorMessage, 'unmask'>>): Statement {
  const { context, signatures } = message;
  return { purpose: 'unmask', fields: { context, signatures } };
}

export function trainStatement(
  message: Unsigned<Omit<MessageOf<CoordinatorMessage, 'train'>, 'payload'>>,
): Statement {
  // The model is under the signature by its hash, as the plan is.
  const { context, cohort } = message;
  return { purpose: 'train', fields: { context, cohort } };
}

export function countStatement(message: Unsigned<MessageOf<CoordinatorMessage, 'count'>>): Statement {
  const { context, cohort } = message;
  return { purpose: 'count', fields: { context, cohort } };
}

/** Of an answer of one site: another site's `rejected` is no reason to leave a round. */
export function ackStatement(
  message: Unsigned<MessageOf<CoordinatorMessage, 'ack'>>,
  siteId: SiteId,
): Statement {
  const { context, of, result } = message;
  return { purpose: 'ack', fields: { context, siteId, of, result } };
}

export function publishedStatement(message: Unsigned<MessageOf<CoordinatorMessage, 'published'>>): Statement {
  const { context, newModelHash, survivorCount, sumDigest } = message;
  const digest = sumDigest === undefined ? {} : { sumDigest };
  return { purpose: 'published', fields: { context, newModelHash, survivorCount, ...digest } };
}

export function abortedStatement(message: Unsigned<MessageOf<CoordinatorMessage, 'aborted'>>): Statement {
  const { context, reason } = message;
  return { purpose: 'aborted', fields: { context, reason } };
}

export function advertiseStatement(message: Unsigned<MessageOf<SiteMessage, 'advertise'>>): Statement {
  const { context, siteId, masking } = message;
  return { purpose: 'advertise', fields: { context, siteId, ...(masking && { masking }) } };
}

export function sharesStatement(message: Unsigned<MessageOf<SiteMessage, 'shares'>>): Statement {
  const { context, siteId, binding, payload } = message;
  return { purpose: 'shares', fields: { context, siteId, binding, payloadDigest: digestOf(payload) } };
}

/** The same for every site but for its name: what one site has signed the others can check. */
export function consistentStatement(message: Unsigned<MessageOf<SiteMessage, 'consistent'>>): Statement {
  const { context, siteId, binding, survivorsHash } = message;
  return { purpose: 'consistent', fields: { context, siteId, binding, survivorsHash } };
}

export function unmaskedStatement(message: Unsigned<MessageOf<SiteMessage, 'unmasked'>>): Statement {
  const { context, siteId, binding, payload } = message;
  return { purpose: 'unmasked', fields: { context, siteId, binding, payloadDigest: digestOf(payload) } };
}

export function refuseStatement(message: Unsigned<MessageOf<SiteMessage, 'refuse'>>): Statement {
  const { context, siteId, reason } = message;
  return { purpose: 'refuse', fields: { context, siteId, reason } };
}

export function progressStatement(message: Unsigned<MessageOf<SiteMessage, 'progress'>>): Statement {
  const { context, siteId, steps } = message;
  return { purpose: 'progress', fields: { context, siteId, steps } };
}

export function anchorStatement(message: Unsigned<MessageOf<SiteMessage, 'anchor'>>): Statement {
  const { context, siteId, ledger } = message;
  return { purpose: 'anchor', fields: { context, siteId, ledger } };
}

export function updateStatement(message: Unsigned<MessageOf<SiteMessage, 'update'>>): Statement {
  const { context, siteId, binding, payload } = message;
  const bound = binding === undefined ? {} : { binding };
  return { purpose: 'update', fields: { context, siteId, ...bound, payloadDigest: digestOf(payload) } };
}

export function siteStatement(message: SiteMessage): Statement {
  switch (message.type) {
    case 'advertise':
      return advertiseStatement(message);
    case 'refuse':
      return refuseStatement(message);
    case 'progress':
      return progressStatement(message);
    case 'anchor':
      return anchorStatement(message);
    case 'update':
      return updateStatement(message);
    case 'shares':
      return sharesStatement(message);
    case 'consistent':
      return consistentStatement(message);
    case 'unmasked':
      return unmaskedStatement(message);
  }
}
