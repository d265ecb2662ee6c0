/**
 * Everything that people do to a federation, at the command line or through the API: each act and its entry in the
 * audit log are one transaction. A running coordinator sees the result in the database.
 */
import type { Clock } from '../../shared/clock.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import { StorageError } from '../../shared/errors.ts';
import type { PlanHash, RunId, SiteId } from '../../shared/ids.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { AttemptRecord } from '../run/progress.ts';
import { attemptView } from './attempt-view.ts';
import { AuditLog, type AuditAct, type AuditEvent } from './audit-log.ts';
import { isConflict, takeTurns, type Database } from './database.ts';
import { ModelVersions, type ModelPlace, type ModelVersion } from './model-versions.ts';
import { RunStore, type RunWish } from './run-store.ts';
import { SiteRegistry } from './site-registry.ts';
import type { Role, SiteStatus } from './tables.ts';
import { UserStore, type UserName } from './user-store.ts';

/** The actor of commands: who may write the folder may do everything. */
export const COMMAND_LINE = 'command-line';

/** Each failed try means that somebody else got on. */
const MAX_TRIES = 20;

const SITE_ACTS: Readonly<Record<Exclude<SiteStatus, 'pending'>, AuditAct>> = {
  active: 'site-active',
  suspended: 'site-suspended',
  removed: 'site-removed',
};
const RUN_ACTS: Readonly<Record<RunWish, AuditAct>> = {
  pause: 'run-paused',
  resume: 'run-resumed',
  stop: 'run-stopped',
};

interface ChangedStores {
  readonly sites: SiteRegistry;
  readonly runs: RunStore;
  readonly users: UserStore;
  readonly versions: ModelVersions;
}

/** Whoever carries the rounds out: the program itself. */
const COORDINATOR = 'coordinator';
const ROUND_ACTS: Readonly<Record<AttemptRecord['outcome'], AuditAct>> = {
  published: 'round-published',
  counted: 'round-counted',
  aborted: 'round-aborted',
};

export interface NewUser {
  readonly name: UserName;
  readonly role: Role;
  /** As `Passwords` hashes it. */
  readonly password: string;
}

export interface NewRun {
  readonly runId: RunId;
  readonly planHash: PlanHash;
  /** Absent: all sites. */
  readonly sites?: readonly SiteId[] | undefined;
}

/** `run:round` */
const nameOf = ({ runId, round }: ModelPlace): string => `${runId}:${String(round)}`;

/** Every method throws InputError, and changes nothing, where the act makes no sense. */
export class Administration {
  readonly log: AuditLog;
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(database: Database, clock: Pick<Clock, 'nowMs'>, identity: Identity) {
    this.#database = database;
    this.#clock = clock;
    this.log = new AuditLog(clock, identity);
  }

  /** The word of the invitation. */
  invite(actor: string, siteId: SiteId, validForMs: number): Promise<string> {
    const hours = Math.round(validForMs / 3_600_000);
    const event = { actor, act: 'site-invited', subject: siteId, detail: { hours } } as const;
    return this.#act(event, ({ sites }) => sites.invite(siteId, validForMs));
  }

  /** @param id of the invitation */
  withdrawInvitation(actor: string, id: string): Promise<void> {
    return this.#act({ actor, act: 'invitation-withdrawn', subject: id }, ({ sites }) => sites.withdraw(id));
  }

  setSiteStatus(actor: string, siteId: SiteId, status: Exclude<SiteStatus, 'pending'>): Promise<void> {
    const event = { actor, act: SITE_ACTS[status], subject: siteId };
    return this.#act(event, ({ sites }) => sites.setStatus(siteId, status));
  }

  /** `subject` of the entry is the plan's hash, which follows from the plan. */
  addPlan(actor: string, plan: Plan, planHash: PlanHash): Promise<PlanHash> {
    const event = { actor, act: 'plan-added', subject: planHash, detail: { name: plan.task.name } } as const;
    return this.#act(event, ({ runs }) => runs.addPlan(plan));
  }

  removePlan(actor: string, planHash: PlanHash): Promise<void> {
    return this.#act({ actor, act: 'plan-removed', subject: planHash }, ({ runs }) =>
      runs.removePlan(planHash),
    );
  }

  enqueue(actor: string, { runId, planHash, sites }: NewRun): Promise<void> {
    const detail = { plan: planHash, ...(sites && { sites }) };
    const event = { actor, act: 'run-added', subject: runId, detail } as const;
    return this.#act(event, ({ runs }) => runs.enqueue(runId, planHash, sites));
  }

  wish(actor: string, runId: RunId, wish: RunWish): Promise<void> {
    return this.#act({ actor, act: RUN_ACTS[wish], subject: runId }, ({ runs }) => runs.wish(runId, wish));
  }

  /** @param before undefined: behind all that wait */
  moveRun(actor: string, runId: RunId, before: RunId | undefined): Promise<void> {
    const event = {
      actor,
      act: 'run-moved',
      subject: runId,
      detail: { before: before ?? 'the end' },
    } as const;
    return this.#act(event, ({ runs }) => runs.move(runId, before));
  }

  promoteModel(actor: string, place: ModelPlace): Promise<void> {
    const event = { actor, act: 'model-promoted', subject: nameOf(place) } as const;
    return this.#act(event, ({ versions }) => versions.promote(actor, place));
  }

  /** Returns what is in use again. */
  rollBackModel(actor: string): Promise<ModelVersion> {
    return this.#act(
      (version) => ({ actor, act: 'model-rolled-back', subject: nameOf(version) }),
      ({ versions }) => versions.rollBack(actor),
    );
  }

  /** @param id of the session */
  endSession(actor: string, id: string): Promise<void> {
    return this.#act({ actor, act: 'session-ended', subject: id }, ({ users }) => users.endSessionById(id));
  }

  addUser(actor: string, { name, role, password }: NewUser): Promise<void> {
    const event = { actor, act: 'user-added', subject: name, detail: { role } } as const;
    return this.#act(event, ({ users }) => users.add(name, role, password));
  }

  removeUser(actor: string, name: UserName): Promise<void> {
    return this.#act({ actor, act: 'user-removed', subject: name }, ({ users }) => users.remove(name));
  }

  setRole(actor: string, name: UserName, role: Role): Promise<void> {
    const event = { actor, act: 'user-role', subject: name, detail: { role } } as const;
    return this.#act(event, ({ users }) => users.setRole(name, role));
  }

  setPassword(actor: string, name: UserName, password: string): Promise<void> {
    const event = { actor, act: 'user-password', subject: name } as const;
    return this.#act(event, ({ users }) => users.setPassword(name, password));
  }

  /**
   * How an attempt has ended, and where the ledgers of its sites stood. A second time, after the program has ended in
   * between, is none: only the coordinator that carries the run out does this.
   */
  async endAttempt(runId: RunId, position: number, record: AttemptRecord): Promise<void> {
    if (await this.#isKept(runId, position)) return;
    const { round, attempt, outcome, anchors = [] } = record;
    const result = record.outcome === 'published' && { model: record.modelHash };
    const reason = record.outcome === 'aborted' && { reason: record.reason };
    const told = anchors.map(({ siteId, entries, hash }) => `${siteId} ${String(entries)} ${hash}`);
    const detail = { round, attempt, ...result, ...reason, anchors: told };
    await this.#act({ actor: COORDINATOR, act: ROUND_ACTS[outcome], subject: runId, detail }, ({ runs }) =>
      runs.addAttempt(runId, position, attemptView(record)),
    );
  }

  async #isKept(runId: RunId, position: number): Promise<boolean> {
    const row = await this.#database
      .selectFrom('attempts')
      .select('position')
      .where('run_id', '=', runId)
      .where('position', '=', position)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** That somebody came or went. */
  note(event: AuditEvent): Promise<void> {
    return this.#act(event, () => Promise.resolve());
  }

  /** Two acts at once take their turns: whoever comes second is tried again. */
  async #act<T>(
    event: AuditEvent | ((result: T) => AuditEvent),
    body: (stores: ChangedStores) => Promise<T>,
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#database.transaction().execute(async (database) => {
          await takeTurns(database);
          const result = await body({
            sites: new SiteRegistry(database, this.#clock),
            runs: new RunStore(database, this.#clock),
            users: new UserStore(database, this.#clock),
            versions: new ModelVersions(database, this.#clock),
          });
          await this.log.append(database, typeof event === 'function' ? event(result) : event);
          return result;
        });
      } catch (error) {
        if (!isConflict(error)) throw error;
        if (tries >= MAX_TRIES)
          throw new StorageError('the database is busy with other changes: try again', { cause: error });
      }
    }
  }
}
