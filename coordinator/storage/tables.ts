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
    /** Null where it was not written down yet. */
    created_at: Fixed<Time | null>;
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
    /** When it connected or spoke last. */
    last_contact_at: ColumnType<Time | null, Time | undefined, Time | null>;
    /** JSON of what it tells of itself. */
    about: ColumnType<string | null, string | undefined, string | null>;
    /** When the site signed that, by its own clock. */
    about_at_ms: ColumnType<number | null, number | undefined, number | null>;
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
    /** The order of the queue. */
    rank: number | null;
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
  /** When an attempt was in which phase; the coordinator's clock. */
  attempt_spans: {
    run_id: Fixed<string>;
    round: Fixed<number>;
    attempt: Fixed<number>;
    outcome: Fixed<string>;
    start_ms: Fixed<number>;
    end_ms: Fixed<number>;
    /** JSON. */
    spans: Fixed<string>;
  };
  /** The same of each site of its cohort. */
  attempt_sites: {
    run_id: Fixed<string>;
    round: Fixed<number>;
    attempt: Fixed<number>;
    site_id: Fixed<string>;
    /** Of the attempt. */
    start_ms: Fixed<number>;
    /** What is added up over rounds stands beside the body. */
    bytes_up: Fixed<number>;
    bytes_down: Fixed<number>;
    /** In which the coordinator waited for it. */
    busy_ms: Fixed<number>;
    /** The phase in which it was dropped. */
    dropped_in: Fixed<string | null>;
    /** JSON. */
    body: Fixed<string>;
  };
  /** What published models can do, on the coordinator's images. */
  evaluations: {
    run_id: Fixed<string>;
    round: Fixed<number>;
    /** JSON, without curves. */
    body: Fixed<string>;
    /** JSON of all of it, as long as its curves are kept. */
    curves: string | null;
  };
  /** What happened in a run, for people. */
  run_events: {
    run_id: Fixed<string>;
    sequence: Fixed<number>;
    at: Fixed<Time>;
    /** JSON. */
    body: Fixed<string>;
  };
  /** Which model is in use: the last one. Nothing is ever changed or removed. */
  promotions: {
    sequence: Fixed<number>;
    at: Fixed<Time>;
    actor: Fixed<string>;
    act: Fixed<'promoted' | 'rolled-back'>;
    run_id: Fixed<string>;
    round: Fixed<number>;
    model_hash: Fixed<string>;
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
