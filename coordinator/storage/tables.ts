/** The tables of the coordinator's database. Times are ISO 8601 in UTC: they sort as text and read well. */
import type { ColumnType } from 'kysely';

export type SiteStatus = 'pending' | 'active' | 'suspended' | 'removed';
export type RunStatus = 'queued' | 'running' | 'paused' | 'stopped' | 'finished' | 'failed';

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
}
