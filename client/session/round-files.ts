/**
 * The files in which a site keeps the round that it is in, so that its program may end at any moment and go on: where the
 * session is, what it has agreed to, its secrets and its finished update. They are readable by the site's own account
 * only, each is there completely or not at all, and all of them go when the round is over.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { writeAtomically } from '../../shared/atomic-file.ts';
import { fromHex, toHex } from '../../shared/crypto/bytes.ts';
import { siteIdSchema } from '../../shared/ids.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import { classCountsSchema } from '../../shared/protocol/class-counts.ts';
import { hexOf } from '../../shared/protocol/hex.ts';
import { advertisementSchema, maskingHeaderSchema } from '../../shared/protocol/masking-messages.ts';
import { roundContextSchema, sameContext, type RoundContext } from '../../shared/protocol/messages.ts';
import { planSchema } from '../../shared/protocol/plan.ts';
import { evidenceSchema, type Evidence } from '../ledger/receipt.ts';
import { decodeSiteState, encodeSiteState } from '../training/site-state-files.ts';
import type { SiteState } from '../training/site-state.ts';
import type { Announced, InterruptedRound, RoundPosition } from './interrupted-round.ts';
import type { RoundSecrets } from './round-secrets.ts';
import type { Session, SessionMasking } from './state.ts';

const sitesSchema = z.array(siteIdSchema);
const bytesSchema = z
  .string()
  .regex(/^(?:[0-9a-f]{2})*$/)
  .transform(fromHex);

const positionSchema = z.strictObject({
  phase: z.enum(['advertised', 'sharing', 'training', 'uploaded', 'accepted', 'consistent', 'unmasked']),
  context: roundContextSchema,
  masking: z
    .strictObject({
      header: maskingHeaderSchema,
      cohort: sitesSchema,
      binding: hexOf(64),
      peers: z
        .strictObject({
          advertisements: z.array(advertisementSchema),
          advertisementsHash: hexOf(64),
          memberBinding: hexOf(64),
        })
        .optional(),
      sharers: sitesSchema.optional(),
      survivors: sitesSchema.optional(),
    })
    .optional(),
  counts: classCountsSchema.optional(),
});
const announcedSchema = z.strictObject({
  context: roundContextSchema,
  plan: planSchema,
  boxKey: hexOf(32),
  cohort: sitesSchema,
});
const pairSchema = z.strictObject({ 'mask-key': bytesSchema, 'own-mask': bytesSchema });
const secretsSchema = z.strictObject({
  context: roundContextSchema,
  channelKey: bytesSchema,
  maskKey: bytesSchema,
  ownMask: bytesSchema,
  dealt: bytesSchema.optional(),
  ownShares: pairSchema.optional(),
  held: z.record(siteIdSchema, pairSchema).optional(),
});

/** The position goes first: without it the others mean nothing. */
const FILES = [
  'position.json',
  'announced.json',
  'secrets.json',
  'update.bin',
  'state.bin',
  'evidence.json',
] as const;
type FileName = (typeof FILES)[number];

/** In front of the update's header. */
const LENGTH_BYTES = 4;
const utf8 = new TextEncoder();

export class RoundFiles {
  readonly #folder: string;
  #written: RoundPosition | undefined;
  #isEmpty = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What is there of an interrupted round; what cannot be read is as if it were not there. */
  async read(): Promise<InterruptedRound | undefined> {
    const position = await this.#json('position.json', positionSchema);
    const announced = await this.#json('announced.json', announcedSchema);
    if (!position || !announced) {
      await this.clear();
      return undefined;
    }
    const secrets = await this.#json('secrets.json', secretsSchema);
    const update = await this.#update();
    const stateBytes = await this.#bytes('state.bin');
    const kept = stateBytes && decodeSiteState(stateBytes);
    const evidence = await this.#json('evidence.json', evidenceSchema);
    this.#written = positionOf(position);
    return {
      position: positionOf(position),
      announced,
      ...(secrets && { secrets: secretsOf(secrets) }),
      ...(update && { update }),
      ...(kept && { kept }),
      ...(evidence && { evidence }),
    };
  }

  /** Where the session is after an event. */
  async keep(session: Session): Promise<void> {
    if (session.phase === 'idle') {
      await this.clear();
      return;
    }
    const { phase, context, masking, counts } = session;
    const optional = { ...(masking && { masking }), ...(counts && { counts }) };
    const position: RoundPosition = { phase, context, ...optional };
    if (isDeepStrictEqual(position, this.#written)) return;
    if (this.#written && !sameContext(this.#written.context, context)) await this.clear();
    await this.#write('position.json', utf8.encode(JSON.stringify(position)));
    this.#written = position;
  }

  keepAnnounced(announced: Announced): Promise<void> {
    return this.#write('announced.json', utf8.encode(JSON.stringify(announced)));
  }

  keepEvidence(evidence: Evidence): Promise<void> {
    return this.#write('evidence.json', utf8.encode(JSON.stringify(evidence)));
  }

  keepSecrets(secrets: RoundSecrets): Promise<void> {
    const hexed: unknown = JSON.parse(
      JSON.stringify(secrets, (_key, value: unknown) => (value instanceof Uint8Array ? toHex(value) : value)),
    );
    return this.#write('secrets.json', utf8.encode(JSON.stringify(hexed)));
  }

  keepState(_context: RoundContext, kept: SiteState): Promise<void> {
    return this.#write('state.bin', encodeSiteState(kept));
  }

  async keepUpdate(_context: RoundContext, { header, payload = new Uint8Array() }: Frame): Promise<void> {
    const text = utf8.encode(header);
    const bytes = new Uint8Array(LENGTH_BYTES + text.length + payload.length);
    new DataView(bytes.buffer).setUint32(0, text.length, true);
    bytes.set(text, LENGTH_BYTES);
    bytes.set(payload, LENGTH_BYTES + text.length);
    await this.#write('update.bin', bytes);
  }

  async clear(): Promise<void> {
    this.#written = undefined;
    if (this.#isEmpty) return;
    for (const name of FILES) await rm(this.#path(name), { force: true });
    this.#isEmpty = true;
  }

  async #update(): Promise<Frame | undefined> {
    const bytes = await this.#bytes('update.bin');
    if (!bytes || bytes.length < LENGTH_BYTES) return undefined;
    const headerBytes = bytes.readUInt32LE(0);
    const end = LENGTH_BYTES + headerBytes;
    if (end > bytes.length) return undefined;
    const header = bytes.subarray(LENGTH_BYTES, end).toString('utf8');
    return { header, payload: Uint8Array.from(bytes.subarray(end)) };
  }

  async #json<T>(name: FileName, schema: z.ZodType<T>): Promise<T | undefined> {
    const bytes = await this.#bytes(name);
    try {
      return bytes && schema.parse(JSON.parse(bytes.toString('utf8')));
    } catch {
      return undefined;
    }
  }

  async #bytes(name: FileName): Promise<Buffer | undefined> {
    return readFile(this.#path(name)).catch(() => undefined);
  }

  async #write(name: FileName, bytes: Uint8Array): Promise<void> {
    this.#isEmpty = false;
    await writeAtomically(this.#path(name), bytes);
  }

  #path(name: FileName): string {
    return join(this.#folder, name);
  }
}

/** What zod calls undefined is absent. */
function positionOf({ phase, context, masking, counts }: z.infer<typeof positionSchema>): RoundPosition {
  const counted = counts && { counts };
  if (!masking) return { phase, context, ...counted };
  const { header, cohort, binding, peers, sharers, survivors } = masking;
  const known: SessionMasking = {
    ...{ header, cohort, binding },
    ...(peers && { peers }),
    ...(sharers && { sharers }),
    ...(survivors && { survivors }),
  };
  return { phase, context, masking: known, ...counted };
}

function secretsOf({ dealt, ownShares, held, ...keys }: z.infer<typeof secretsSchema>): RoundSecrets {
  return {
    ...keys,
    ...(dealt && { dealt }),
    ...(ownShares && { ownShares }),
    ...(held && { held }),
  };
}
