/** Invitations and sites. Who may connect is read here every second, so that a suspension works within it. */
import { sql, type Selectable } from 'kysely';
import type { Clock } from '../../shared/clock.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { fingerprintOf } from '../../shared/crypto/fingerprint.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { randomToken } from '../../shared/crypto/random.ts';
import { verifyStatement } from '../../shared/crypto/statement.ts';
import { InputError } from '../../shared/errors.ts';
import { siteIdSchema, type SiteId } from '../../shared/ids.ts';
import { enrolStatement, type EnrolRequest } from '../../shared/protocol/enrolment.ts';
import type { Database } from './database.ts';
import type { SiteStatus, Tables } from './tables.ts';

export interface RegisteredSite {
  readonly siteId: SiteId;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly fingerprint: string;
  readonly status: SiteStatus;
  /** ISO 8601. */
  readonly enrolledAt: string;
}

export type EnrolRefusal =
  /** Unknown, used or expired: which of them is not told to a stranger. */
  | 'invitation-invalid'
  | 'bad-signature'
  /** The name or the key is enrolled already. */
  | 'already-enrolled';

const hashOf = (token: string): string => sha512Hex(new TextEncoder().encode(token));

/** What an administrator may turn a status into. A removed site's name and key stay taken. */
const CHANGES: Readonly<Record<SiteStatus, readonly SiteStatus[]>> = {
  pending: ['active', 'removed'],
  active: ['suspended', 'removed'],
  suspended: ['active', 'removed'],
  removed: [],
};

function registeredSite(row: Selectable<Tables['sites']>): RegisteredSite {
  const publicKey = fromHex(row.public_key);
  return {
    siteId: siteIdSchema.parse(row.site_id),
    publicKey,
    fingerprint: fingerprintOf(publicKey),
    status: row.status,
    enrolledAt: row.enrolled_at,
  };
}

export class SiteRegistry {
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(database: Database, clock: Pick<Clock, 'nowMs'>) {
    this.#database = database;
    this.#clock = clock;
  }

  /** The word of a new invitation, which is kept nowhere else. @throws InputError when the name is taken. */
  async invite(siteId: SiteId, validForMs: number): Promise<string> {
    const known = await this.find(siteId);
    if (known)
      throw new InputError(`site ${siteId} is ${known.status} already; choose another name for a new site`);
    const token = randomToken();
    const expires_at = this.#at(this.#clock.nowMs() + validForMs);
    await this.#database
      .insertInto('invitations')
      .values({ token_hash: hashOf(token), site_id: siteId, expires_at, used_at: null })
      .execute();
    return token;
  }

  /** Uses up the invitation; the site waits for approval. Undefined when it was taken in. */
  async enrol(request: EnrolRequest): Promise<EnrolRefusal | undefined> {
    const { siteId, token, publicKey, signature } = request;
    const proof = { ...enrolStatement({ siteId, token, publicKey }), signature };
    if (!verifyStatement(fromHex(publicKey), proof)) return 'bad-signature';
    const now = this.#at(this.#clock.nowMs());
    return this.#database.transaction().execute(async (database) => {
      const used = await database
        .updateTable('invitations')
        .set({ used_at: now })
        .where('token_hash', '=', hashOf(token))
        .where('site_id', '=', siteId)
        .where('used_at', 'is', null)
        .where('expires_at', '>', now)
        .executeTakeFirst();
      if (used.numUpdatedRows === 0n) return 'invitation-invalid';
      const added = await database
        .insertInto('sites')
        .values({
          site_id: siteId,
          public_key: publicKey,
          status: 'pending',
          enrolled_at: now,
          changed_at: now,
        })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      return added.numInsertedOrUpdatedRows === 0n ? 'already-enrolled' : undefined;
    });
  }

  async find(siteId: SiteId): Promise<RegisteredSite | undefined> {
    const row = await this.#database
      .selectFrom('sites')
      .selectAll()
      .where('site_id', '=', siteId)
      .executeTakeFirst();
    return row && registeredSite(row);
  }

  /** By name. */
  async list(): Promise<readonly RegisteredSite[]> {
    const rows = await this.#database
      .selectFrom('sites')
      .selectAll()
      .orderBy(sql`site_id`)
      .execute();
    return rows.map(registeredSite);
  }

  /** @throws InputError for an unknown site or a change that makes no sense */
  async setStatus(siteId: SiteId, status: SiteStatus): Promise<void> {
    const site = await this.find(siteId);
    if (!site) throw new InputError(`no site is called ${siteId}; see the list of sites`);
    if (!CHANGES[site.status].includes(status))
      throw new InputError(`site ${siteId} is ${site.status} and cannot become ${status}`);
    await this.#database
      .updateTable('sites')
      .set({ status, changed_at: this.#at(this.#clock.nowMs()) })
      .where('site_id', '=', siteId)
      .execute();
  }

  #at(timeMs: number): string {
    return new Date(timeMs).toISOString();
  }
}
