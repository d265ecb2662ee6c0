/**
 * A federation in memory whose coordinator can be killed before or after any of its durable writes. What it wrote is kept
 * as bytes; afterwards a new life goes on from them alone, and the sites come back to it one by one.
 */
import { deserialize, serialize } from 'node:v8';
import { startSiteAgent, type SiteAgent } from '../../../client/session/agent.ts';
import type { SessionReport } from '../../../client/session/events.ts';
import type { LocalTrainer } from '../../../client/training/local-update.ts';
import type { RoundEvent, RoundStart } from '../../../coordinator/round/events.ts';
import { recover } from '../../../coordinator/run/recovery.ts';
import { executeRun } from '../../../coordinator/run/run.ts';
import type { RunPosition, RunResult } from '../../../coordinator/run/run-options.ts';
import { createAgreementKeyPair } from '../../../shared/crypto/agreement.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { runIdSchema, type SiteId } from '../../../shared/ids.ts';
import { hashPlan, type Plan } from '../../../shared/protocol/plan.ts';
import type { SiteGateway } from '../../../shared/protocol/transport.ts';
import { createMemoryTransport } from '../../../simulations/virtual/memory-transport.ts';
import { createVirtualClock } from '../../../simulations/virtual/virtual-clock.ts';
import { manifestWith } from '../../shared/learning/training/manifests.ts';
import { formula } from '../../simulations/virtual/mini-federation.ts';
import { sites as siteIds } from '../fixtures.ts';

export interface KillPoint {
  /** Number of the write, from 0, over all lives. */
  readonly at: number;
  /** `leave`: it is not killed, but closed by its administrator. */
  readonly when: 'before' | 'after' | 'leave';
}

export interface KilledResult extends RunResult {
  /** Every durable write, in order. */
  readonly writes: readonly string[];
  readonly refusals: readonly string[];
  readonly lives: number;
}

const coordinator = createIdentity();
const boxKeys = createAgreementKeyPair();
const runId = runIdSchema.parse('killed');
/** The site's pause until it tries to connect again: each has its own. */
const PAUSES_MS = [40, 900, 300, 2500, 120];

export async function runKilled(
  plan: Plan,
  names: readonly string[],
  kill?: KillPoint,
  trainerOf: (siteId: SiteId) => LocalTrainer = formula,
): Promise<KilledResult> {
  const clock = createVirtualClock();
  const sites = siteIds(...names);
  const transport = createMemoryTransport({ clock, sites });
  const identities = new Map(sites.map((siteId) => [siteId, createIdentity()] as const));
  const roster = new Map([...identities].map(([siteId, own]) => [siteId, own.publicKey]));
  const writes: string[] = [];
  const reports: SessionReport[] = [];
  let journal: Buffer[] = [];
  let checkpoint: Buffer | undefined;
  let lives = 0;
  const policy = { approvedPlans: [hashPlan(plan)], minimumCohort: 2, smallCohortAcknowledged: true };
  const agents: SiteAgent[] = [...identities].map(([siteId, identity]) =>
    startSiteAgent({
      ...{ siteId, identity, policy, roster, clock, coordinatorKey: coordinator.publicKey },
      link: transport.linkOf(siteId),
      trainer: trainerOf(siteId),
      report: (report) => reports.push(report),
    }),
  );

  const live = (finish: (result: RunResult) => void, fail: (error: unknown) => void): void => {
    lives++;
    let isDead = false;
    const leave = new AbortController();
    const die = (): Promise<never> => {
      isDead = true;
      for (const siteId of sites) transport.disconnect(siteId);
      clock.schedule(700, () => {
        live(finish, fail);
        for (const [index, siteId] of sites.entries())
          clock.schedule(PAUSES_MS[index] ?? 0, () => {
            transport.reconnect(siteId);
          });
      });
      // Whoever is dead waits for ever.
      return new Promise<never>(() => undefined);
    };
    const write = async (name: string, work: () => void): Promise<void> => {
      if (isDead) return die();
      const isNow = kill?.at === writes.length;
      writes.push(name);
      if (isNow && kill.when === 'before') return die();
      work();
      if (isNow && kill.when === 'after') return die();
      if (isNow) leave.abort();
    };
    const gateway: SiteGateway = {
      listen: (handlers) => {
        transport.gateway.listen({
          connected: (siteId) => {
            if (!isDead) handlers.connected(siteId);
          },
          disconnected: (siteId) => {
            if (!isDead) handlers.disconnected(siteId);
          },
          frame: (siteId, frame) => {
            if (!isDead) handlers.frame(siteId, frame);
          },
        });
      },
      send: (siteId, frame) => {
        if (!isDead) transport.gateway.send(siteId, frame);
      },
      close: () => undefined,
    };
    const entries = journal.map((bytes) => deserialize(bytes) as RoundStart | RoundEvent);
    const from = checkpoint && (deserialize(checkpoint) as RunPosition);
    const { lost, ...unfinished } = recover(
      { entries, isWhole: true },
      from?.records ?? [],
      lives > 1 ? sites : [],
    );
    if (lost) throw new Error('nothing is lost of a journal that is whole');
    async function* events(): AsyncGenerator<RoundEvent> {
      for (const entry of entries) if (entry.kind !== 'begin') yield await Promise.resolve(entry);
    }
    executeRun({
      ...{ runId, plan, roster, clock, gateway, boxKeys, identity: coordinator },
      initialWeights: new Float32Array(plan.parameterCount),
      manifest: manifestWith([{ kind: 'kernel', length: plan.parameterCount }]),
      track: (work) => clock.track(work),
      evaluate: () => Promise.resolve({ loss: 1, score: 0.5, metrics: {} }),
      journal: {
        append: (entry) =>
          write(`write ${entry.kind}`, () => {
            journal = entry.kind === 'begin' ? [serialize(entry)] : [...journal, serialize(entry)];
          }),
      },
      hooks: {
        attempt: (_record, position) =>
          write('write checkpoint', () => {
            checkpoint = serialize(position);
          }),
      },
      ...(from && { from }),
      unfinished: { ...unfinished, events },
      leave: leave.signal,
    }).then((result) => {
      if (leave.signal.aborted) void die();
      else if (!isDead) finish(result);
    }, fail);
  };

  try {
    const result = await clock.runUntil(new Promise<RunResult>(live));
    const refusals = reports.flatMap((report) => (report.kind === 'refused' ? [report.reason] : []));
    return { ...result, writes, refusals, lives };
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
  }
}
