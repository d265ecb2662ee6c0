/** The tables of the coordinator's database. Times are ISO 8601 in UTC: they sort as text and read well. */
import type { ColumnType } from 'kysely';

export type SiteStatus = 'pending' | 'active' | 'suspended' | 'removed';
/** administrator: runs the federation; researcher: writes plans; auditor: reads everything, changes nothing. */
export const ROLES = ['administrator', 'researcher', 'auditor'] as const;
export type Role = (typeof ROLES)[number];
export const RUN_STATUSES = ['queued', 'running', 'paused', 'stopped', 'finished', 'failed'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

type Time = string;
type Fixed<T> = ColumnType<T, T, never>;

export interface Tables {
  invitations: {
    /** SHA-512 of the token: who reads the database cannot use it. */
    token_hash: Fixed<string>;
    site_id: Fixed<string>;
    expires_at: Fixed<Time>;
    used_at: Time | null;
  };
  sites: {
    site_id: Fixed<string>;
    /** Ed25519, hexadecimal. */
    public_key: Fixed<string>;
    status: SiteStatus;
    enrolled_at: Fixed<Time>;
    changed_at: Time;
  };
  plans: {
    plan_hash: Fixed<string>;
    name: Fixed<string>;
    /** The plan's canonical JSON. */
    body: Fixed<string>;
    added_at: Fixed<Time>;
  };
  runs: {
    run_id: Fixed<string>;
    plan_hash: Fixed<string>;
    status: RunStatus;
    /** In words, of a failed run. */
    failure: string | null;
    /** JSON list of the sites that it is for; null: all. */
    sites: Fixed<string | null>;
    added_at: Fixed<Time>;
    changed_at: Time;
  };
  /** Published global models; round 0 is what the run began with. */
  models: {
    run_id: Fixed<string>;
    round: Fixed<number>;
    model_hash: Fixed<string>;
    /** On the coordinator's validation set, 0…1; null where it was not judged. */
    score: Fixed<number | null>;
    published_at: Fixed<Time>;
  };
  /** The events of the attempt that is being made, in order. */
  journal: {
    run_id: Fixed<string>;
    sequence: Fixed<number>;
    /** `writeEntry` of the event. */
    entry: Fixed<string>;
  };
  /** What the attempts of a run came to, in order, as the API tells it. */
  attempts: {
    run_id: Fixed<string>;
    position: Fixed<number>;
    /** JSON. */
    record: Fixed<string>;
  };
  users: {
    user_name: Fixed<string>;
    role: Role;
    /** `hashPassword`. */
    password: string;
    created_at: Fixed<Time>;
    changed_at: Time;
  };
  sessions: {
    /** SHA-512 of the token: who reads the database cannot use it. */
    token_hash: Fixed<string>;
    user_name: Fixed<string>;
    created_at: Fixed<Time>;
    seen_at: Time;
  };
  /** Administrative acts; nothing is ever changed or removed. */
  audit: {
    sequence: Fixed<number>;
    at: Fixed<Time>;
    actor: Fixed<string>;
    act: Fixed<string>;
    subject: Fixed<string>;
    /** JSON. */
    detail: Fixed<string>;
    previous_hash: Fixed<string>;
    hash: Fixed<string>;
    /** Of the federation's key. */
    signature: Fixed<string>;
  };
}
