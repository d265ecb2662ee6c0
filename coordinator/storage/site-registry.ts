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
import { siteAboutSchema, type SiteAbout } from '../../shared/protocol/site-about.ts';
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
  /** Of its status. */
  readonly changedAt: string;
  /** When it connected or spoke last; undefined: never. */
  readonly lastContactAt: string | undefined;
  /** What it tells of itself, and when it said so. */
  readonly about: { readonly told: SiteAbout; readonly atMs: number } | undefined;
}

/** A word that nobody has used yet. */
export interface OpenInvitation {
  /** Names it without being it. */
  readonly id: string;
  readonly siteId: SiteId;
  readonly createdAt: string | null;
  readonly expiresAt: string;
}

export type EnrolRefusal =
  /** Unknown, used or expired: which of them is not told to a stranger. */
  | 'invitation-invalid'
  | 'bad-signature'
  /** The name or the key is enrolled already. */
  | 'already-enrolled';

/** Of the hash of its word: 16 bytes name one among all. */
const INVITATION_ID_CHARS = 32;

const hashOf = (token: string): string => sha512Hex(new TextEncoder().encode(token));

/** What an administrator may turn a status into. A removed site's name and key stay taken. */
const CHANGES: Readonly<Record<SiteStatus, readonly SiteStatus[]>> = {
  pending: ['active', 'removed'],
  active: ['suspended', 'removed'],
  suspended: ['active', 'removed'],
  removed: [],
};

function aboutOf({ about, about_at_ms }: Selectable<Tables['sites']>): RegisteredSite['about'] {
  if (about === null || about_at_ms === null) return undefined;
  // Of an older program it may have another form: it is told again soon.
  const told = siteAboutSchema.safeParse(JSON.parse(about)).data;
  return told && { told, atMs: about_at_ms };
}

function registeredSite(row: Selectable<Tables['sites']>): RegisteredSite {
  const publicKey = fromHex(row.public_key);
  return {
    siteId: siteIdSchema.parse(row.site_id),
    publicKey,
    fingerprint: fingerprintOf(publicKey),
    status: row.status,
    enrolledAt: row.enrolled_at,
    changedAt: row.changed_at,
    lastContactAt: row.last_contact_at ?? undefined,
    about: aboutOf(row),
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
    const nowMs = this.#clock.nowMs();
    const times = { created_at: this.#at(nowMs), expires_at: this.#at(nowMs + validForMs) };
    await this.#database
      .insertInto('invitations')
      .values({ token_hash: hashOf(token), site_id: siteId, ...times, used_at: null })
      .execute();
    return token;
  }

  /** Those that nobody has used, also when they have expired, the newest first. */
  async invitations(): Promise<readonly OpenInvitation[]> {
    const rows = await this.#database
      .selectFrom('invitations')
      .select(['token_hash', 'site_id', 'created_at', 'expires_at'])
      .where('used_at', 'is', null)
      .orderBy('expires_at', 'desc')
      .execute();
    return rows.map((row) => ({
      id: row.token_hash.slice(0, INVITATION_ID_CHARS),
      siteId: siteIdSchema.parse(row.site_id),
      createdAt: row.created_at,
      expiresAt: row.expires_at,
    }));
  }

  /** From now on its word lets nobody in. @throws InputError when it was used, or there is none */
  async withdraw(id: string): Promise<void> {
    const known = (await this.invitations()).find((invitation) => invitation.id === id);
    const removed = await this.#database
      .deleteFrom('invitations')
      .where('used_at', 'is', null)
      .where(
        (where) => where.fn('substr', ['token_hash', where.lit(1), where.lit(INVITATION_ID_CHARS)]),
        '=',
        id,
      )
      .executeTakeFirst();
    if (!known || removed.numDeletedRows === 0n)
      throw new InputError('there is no such invitation: it has been used or withdrawn');
  }

  /** It has connected, spoken or gone. */
  async touch(siteId: SiteId): Promise<void> {
    await this.#database
      .updateTable('sites')
      .set({ last_contact_at: this.#at(this.#clock.nowMs()) })
      .where('site_id', '=', siteId)
      .execute();
  }

  /** False when something newer is known already. @param atMs when the site signed it */
  async setAbout(siteId: SiteId, told: SiteAbout, atMs: number): Promise<boolean> {
    const changed = await this.#database
      .updateTable('sites')
      .set({ about: JSON.stringify(told), about_at_ms: atMs, last_contact_at: this.#at(this.#clock.nowMs()) })
      .where('site_id', '=', siteId)
      .where((where) => where.or([where('about_at_ms', 'is', null), where('about_at_ms', '<', atMs)]))
      .executeTakeFirst();
    return changed.numUpdatedRows > 0n;
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
          last_contact_at: now,
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
