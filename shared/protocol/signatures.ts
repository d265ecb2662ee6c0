/** Which fields of each message its signature covers: the one place where both ends look. */
import { sha512Hex } from '../crypto/hash.ts';
import type { StatementPurpose } from '../crypto/statement.ts';
import type { CoordinatorMessage, MessageOf, SiteMessage } from './messages.ts';

export interface Statement {
  readonly purpose: StatementPurpose;
  readonly fields: object;
}

type Unsigned<M> = Omit<M, 'signature' | 'type'>;

export function announceStatement(message: Unsigned<MessageOf<CoordinatorMessage, 'announce'>>): Statement {
  // The plan is under the signature by its hash, which the context holds and the site recomputes.
  const { context, cohort, boxKey } = message;
  return { purpose: 'announce', fields: { context, cohort, boxKey } };
}

export function trainStatement(
  message: Unsigned<Omit<MessageOf<CoordinatorMessage, 'train'>, 'payload'>>,
): Statement {
  // The model is under the signature by its hash, as the plan is.
  const { context, cohort } = message;
  return { purpose: 'train', fields: { context, cohort } };
}

export function advertiseStatement(message: Unsigned<MessageOf<SiteMessage, 'advertise'>>): Statement {
  const { context, siteId } = message;
  return { purpose: 'advertise', fields: { context, siteId } };
}

export function refuseStatement(message: Unsigned<MessageOf<SiteMessage, 'refuse'>>): Statement {
  const { context, siteId, reason } = message;
  return { purpose: 'refuse', fields: { context, siteId, reason } };
}

export function progressStatement(message: Unsigned<MessageOf<SiteMessage, 'progress'>>): Statement {
  const { context, siteId, steps } = message;
  return { purpose: 'progress', fields: { context, siteId, steps } };
}

export function updateStatement(message: Unsigned<MessageOf<SiteMessage, 'update'>>): Statement {
  const { context, siteId, payload } = message;
  return { purpose: 'update', fields: { context, siteId, payloadDigest: sha512Hex(payload) } };
}

export function siteStatement(message: SiteMessage): Statement {
  switch (message.type) {
    case 'advertise':
      return advertiseStatement(message);
    case 'refuse':
      return refuseStatement(message);
    case 'progress':
      return progressStatement(message);
    case 'update':
      return updateStatement(message);
  }
}
