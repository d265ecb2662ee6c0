/**
 * What a signature is over: a statement of known purpose. The purpose and the protocol version stand in front of the
 * canonical fields, so that a signature made for one purpose proves nothing in another.
 */
import { canonicalJson } from '../protocol/canonical.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';
import { fromHex, toHex } from './bytes.ts';
import { verifySignature, type Identity } from './identity.ts';

export type StatementPurpose =
  | 'connect'
  | 'enrol'
  | 'ask-federation'
  | 'ask-model'
  | 'site-about'
  // Of the coordinator.
  | 'announce'
  | 'share-keys'
  | 'relay'
  | 'train'
  | 'count'
  | 'survivors'
  | 'unmask'
  | 'ack'
  | 'published'
  | 'aborted'
  | 'roster'
  | 'audit'
  | 'model'
  // Of a site.
  | 'ledger'
  | 'advertise'
  | 'shares'
  | 'refuse'
  | 'progress'
  | 'anchor'
  | 'update'
  | 'consistent'
  | 'unmasked';

/** Records are read long after the protocol has gone on: their statements keep the version that they began with. */
const RECORDS: ReadonlySet<StatementPurpose> = new Set(['audit', 'ledger', 'model']);
const RECORD_VERSION = 2;

const utf8 = new TextEncoder();

/** The exact bytes that are signed. `fields` must have a canonical form. */
export function statementBytes(purpose: StatementPurpose, fields: object): Uint8Array {
  const version = RECORDS.has(purpose) ? RECORD_VERSION : PROTOCOL_VERSION;
  return utf8.encode(`consilium/${String(version)}/${purpose}\n${canonicalJson(fields)}`);
}

/** 128 hexadecimal digits. */
export function signStatement(identity: Identity, purpose: StatementPurpose, fields: object): string {
  return toHex(identity.sign(statementBytes(purpose, fields)));
}

export interface SignedStatement {
  readonly purpose: StatementPurpose;
  readonly fields: object;
  /** 128 hexadecimal digits. */
  readonly signature: string;
}

/** @throws CryptoError when the signature is not hexadecimal: decode the message first. */
export function verifyStatement(publicKey: Uint8Array, statement: SignedStatement): boolean {
  const bytes = statementBytes(statement.purpose, statement.fields);
  return verifySignature(publicKey, bytes, fromHex(statement.signature));
}
