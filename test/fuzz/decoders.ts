/** Every decoder of what comes over a network, with valid inputs to damage. */
import { sessionCookie } from '../../coordinator/http/session-cookie.ts';
import { attemptViewSchema } from '../../coordinator/storage/attempt-view.ts';
import { userNameSchema } from '../../coordinator/storage/user-store.ts';
import { toHex } from '../../shared/crypto/bytes.ts';
import { createIdentity } from '../../shared/crypto/identity.ts';
import { ConsiliumError } from '../../shared/errors.ts';
import {
  decodeCoordinatorMessage,
  decodeSiteMessage,
  encodeCoordinatorMessage,
  encodeSiteMessage,
  type Frame,
} from '../../shared/protocol/codec.ts';
import { CLIENT_TO_SERVER, receivedFrame } from '../../shared/protocol/event-maps.ts';
import { enrolRequestSchema, readInvitation, writeInvitation } from '../../shared/protocol/enrolment.ts';
import { handshakeSchema } from '../../shared/protocol/handshake.ts';
import type { CoordinatorMessage, SiteMessage } from '../../shared/protocol/messages.ts';
import { modelRequestSchema } from '../../shared/protocol/model-request.ts';
import { planSchema } from '../../shared/protocol/plan.ts';
import { openRoster, signedRosterSchema, signRoster } from '../../shared/protocol/roster.ts';
import {
  decodeDealt,
  decodeRelayed,
  decodeRevealed,
  decodeSharePair,
  dealtBytes,
  revealedBytes,
} from '../../shared/protocol/share-payload.ts';
import { federationRequestSchema } from '../../shared/protocol/site-requests.ts';
import { decodeTransfer, encodeTransfer } from '../../shared/protocol/transfer-messages.ts';
import { decodeUpdate, encodeUpdate } from '../../shared/protocol/update-payload.ts';
import type { Rng } from '../../shared/rng.ts';
import { contextOf, modelHash, planOf, site, sites } from '../coordinator/fixtures.ts';
import { damagedBytes, damagedJson, damagedJsonText, damagedText } from './mutate.ts';

export interface Decoder {
  readonly name: string;
  /** Decodes one damaged input. Anything but a ConsiliumError that comes out is a fault. */
  attempt(rng: Rng): unknown;
}

const plan = planOf();
const context = contextOf(plan);
const signature = '0'.repeat(128);
const key = 'a'.repeat(64);
const payload = Uint8Array.of(1, 2, 3, 4);
const keys = { channelKey: key, maskKey: key, commitment: signature };
const identity = createIdentity();
const roster = new Map(sites('a', 'b').map((name) => [name, createIdentity().publicKey]));
const signedRoster = signRoster(identity, roster);

export const FROM_SITES: readonly SiteMessage[] = [
  { type: 'advertise', context, siteId: site('a'), signature },
  { type: 'refuse', context, siteId: site('a'), reason: 'plan-not-approved', signature },
  { type: 'progress', context, siteId: site('a'), steps: 12, signature },
  { type: 'anchor', context, siteId: site('a'), ledger: { entries: 3, hash: signature }, signature },
  { type: 'update', context, siteId: site('a'), signature, payload },
  { type: 'advertise', context, siteId: site('a'), masking: { binding: signature, ...keys }, signature },
  { type: 'shares', context, siteId: site('a'), binding: signature, signature, payload },
  {
    ...{ type: 'consistent', context, siteId: site('a'), signature },
    ...{ binding: signature, survivorsHash: signature },
  },
  { type: 'unmasked', context, siteId: site('a'), binding: signature, signature, payload },
];
export const FROM_COORDINATOR: readonly CoordinatorMessage[] = [
  { type: 'announce', context, plan, cohort: sites('a', 'b'), boxKey: key, signature },
  { type: 'train', context, cohort: sites('a'), signature, payload },
  { type: 'ack', context, of: 'update', result: { status: 'rejected', reason: 'non-finite' }, signature },
  { type: 'published', context, newModelHash: modelHash('b'), survivorCount: 2, signature },
  { type: 'aborted', context, reason: 'stopped', signature },
  {
    ...{ type: 'announce', context, plan, cohort: sites('a', 'b'), boxKey: key, signature },
    masking: { rosterHash: signature, threshold: 2, previous: { round: 1, transcript: signature } },
    classCounts: [3, 4],
  },
  { type: 'share-keys', context, advertisements: [{ siteId: site('a'), ...keys, signature }], signature },
  { type: 'relay', context, members: sites('a', 'b'), signature, payload },
  { type: 'count', context, cohort: sites('a'), signature },
  { type: 'survivors', context, survivors: sites('a', 'b'), signature },
  { type: 'unmask', context, signatures: [{ siteId: site('a'), signature }], signature },
];
const TRANSFERS: readonly Frame[] = [
  encodeTransfer({ type: 'transfer-offer', transfer: key, totalBytes: 100, header: '{"type":"update"}' }),
  encodeTransfer({ type: 'transfer-chunk', transfer: key, offset: 0, payload }),
  encodeTransfer({ type: 'transfer-progress', transfer: key, nextOffset: 4 }),
];
const invitation = writeInvitation({
  ...{ url: 'https://consilium.test', siteId: site('a'), token: 'A'.repeat(43) },
  fingerprint: Array.from({ length: 8 }, () => '0123').join(' '),
});

function damagedFrame(frames: readonly Frame[], rng: Rng): Frame {
  const frame = frames[rng.integer(frames.length)] ?? { header: '' };
  const header = damagedJsonText(JSON.parse(frame.header), rng);
  if (rng.integer(4) > 0 && frame.payload === undefined) return { header };
  return { header, payload: damagedBytes(frame.payload ?? payload, rng) };
}

interface Parsing {
  safeParse(value: unknown): unknown;
}
const schemaTarget = (name: string, schema: Parsing, value: unknown): Decoder => ({
  name,
  attempt: (rng) => schema.safeParse(damagedJson(value, rng)),
});

const update = encodeUpdate({ exampleCount: 3, meanLoss: 0.5, delta: Float32Array.of(1, 2, 3) });
const cookie = sessionCookie('https://consilium.test');

export const DECODERS: readonly Decoder[] = [
  {
    name: 'messages of sites',
    attempt: (rng) => decodeSiteMessage(damagedFrame(FROM_SITES.map(encodeSiteMessage), rng), 64),
  },
  {
    name: 'messages of the coordinator',
    attempt: (rng) =>
      decodeCoordinatorMessage(damagedFrame(FROM_COORDINATOR.map(encodeCoordinatorMessage), rng), 64),
  },
  { name: 'transfers', attempt: (rng) => decodeTransfer(damagedFrame(TRANSFERS, rng)) },
  {
    name: 'events of a connection',
    attempt: (rng) => {
      const { header, payload: bytes } = damagedFrame(FROM_SITES.map(encodeSiteMessage), rng);
      const event = rng.integer(4) === 0 ? damagedText('update', rng) : 'update';
      const hostile = rng.integer(3) === 0 ? damagedJson({ header, bytes: [1] }, rng) : bytes;
      return receivedFrame(CLIENT_TO_SERVER, {
        event,
        header: rng.integer(5) === 0 ? hostile : header,
        payload: hostile,
      });
    },
  },
  schemaTarget('handshakes', handshakeSchema, { protocolVersion: 1, siteId: 'a', signature }),
  schemaTarget('requests to join', enrolRequestSchema, {
    ...{ siteId: 'a', token: 'A'.repeat(43), publicKey: key, signature },
  }),
  schemaTarget('requests of sites', federationRequestSchema, { siteId: 'a', atMs: 1, signature }),
  schemaTarget('requests for model files', modelRequestSchema, {
    ...{ siteId: 'a', atMs: 1, sha512: signature, signature },
  }),
  schemaTarget('plans', planSchema, plan),
  schemaTarget('attempts', attemptViewSchema, {
    ...{
      outcome: 'aborted',
      round: 1,
      attempt: 1,
      reason: 'stopped',
      dropped: [{ siteId: 'a', reason: 'late' }],
    },
  }),
  schemaTarget('names of users', userNameSchema, 'ann'),
  {
    name: 'rosters',
    attempt: (rng) => {
      const parsed = signedRosterSchema.safeParse(damagedJson(signedRoster, rng));
      return parsed.success && openRoster(identity.publicKey, parsed.data);
    },
  },
  { name: 'invitations', attempt: (rng) => readInvitation(damagedText(invitation, rng)) },
  {
    name: 'invitations of another content',
    attempt: (rng) => {
      const json = damagedJsonText({ url: 'https://x', siteId: 'a', token: 'x', fingerprint: key }, rng);
      return readInvitation(`consilium-invitation:${Buffer.from(json).toString('base64url')}`);
    },
  },
  {
    name: 'cookies',
    attempt: (rng) =>
      cookie.read({ headers: { cookie: damagedText(`a=b; __Host-consilium=${'A'.repeat(43)}; c`, rng) } }),
  },
  { name: 'updates', attempt: (rng) => decodeUpdate(damagedBytes(update, rng), 3) },
  {
    name: 'shares as dealt',
    attempt: (rng) => decodeDealt(damagedBytes(new Uint8Array(dealtBytes(2)), rng), 2),
  },
  {
    name: 'shares as relayed',
    attempt: (rng) => decodeRelayed(damagedBytes(new Uint8Array(dealtBytes(2)), rng), 2),
  },
  { name: 'shares in a box', attempt: (rng) => decodeSharePair(damagedBytes(new Uint8Array(66), rng)) },
  {
    name: 'revealed shares',
    attempt: (rng) => decodeRevealed(damagedBytes(new Uint8Array(revealedBytes(3)), rng), 3),
  },
  {
    name: 'keys and signatures',
    attempt: (rng) => {
      const statement = { sites: signedRoster.sites, signature: damagedText(toHex(new Uint8Array(64)), rng) };
      return signedRosterSchema.safeParse(statement);
    },
  },
];

/** Faults that an input has shown; none, for a decoder that is sound. */
export function faultOf(decoder: Decoder, rng: Rng): string | undefined {
  try {
    decoder.attempt(rng);
  } catch (error) {
    if (!(error instanceof ConsiliumError)) return `threw ${String(error)}`;
    if (/\n\s+at /.test(error.message)) return `told its stack: ${error.message}`;
  }
  return 'admin' in {} ? 'has changed the prototype of all objects' : undefined;
}
