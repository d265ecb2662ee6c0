/**
 * The federation itself: the coordinator's run and N site agents, the code of production, over the in-memory transport
 * with simulated time. Only where training happens (the pool) and who carries frames differ from real hospitals.
 */
import { executeRun, type RunResult } from '../../coordinator/run/run.ts';
import { forgetfulJournal } from '../../coordinator/round/journal.ts';
import type { RoundReport } from '../../coordinator/round/events.ts';
import type { AttemptRecord } from '../../coordinator/run/progress.ts';
import { startSiteAgent, type SiteAgent } from '../../client/session/agent.ts';
import type { LocalTrainer } from '../../client/training/local-update.ts';
import { systemClock } from '../../shared/clock.ts';
import { createAgreementKeyPair } from '../../shared/crypto/agreement.ts';
import { wipe } from '../../shared/crypto/bytes.ts';
import { createIdentity } from '../../shared/crypto/identity.ts';
import { runIdSchema, type SiteId } from '../../shared/ids.ts';
import type { Manifest } from '../../shared/learning/weights.ts';
import { hashPlan, type Plan } from '../../shared/protocol/plan.ts';
import type { Pool } from '../pool/pool.ts';
import type { ModelSpec } from '../pool/tasks.ts';
import type { SimulationHooks } from '../progress.ts';
import type { RoundResult, SiteRound } from '../report/result-types.ts';
import {
  createMemoryTransport,
  type MemoryTransport,
  type MemoryTransportOptions,
} from './memory-transport.ts';
import { createSitesJudge, type SitesJudge, type StatesBySite } from './judge-sites.ts';
import type { PreparedData, VirtualSite } from './prepare.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';

export interface VirtualFederation {
  readonly plan: Plan;
  readonly model: ModelSpec;
  readonly initialWeights: Float32Array;
  readonly manifest: Manifest;
  readonly data: Pick<PreparedData, 'sites' | 'validation' | 'classNames'>;
  readonly pool: Pool;
  readonly hooks: SimulationHooks;
  /** Slow or faulty connections. */
  readonly network?: Pick<MemoryTransportOptions, 'latencyMs' | 'intercept'>;
}

export interface FederationOutcome extends RunResult {
  readonly rounds: readonly RoundResult[];
  /** What the sites kept of the round whose model is the best. */
  readonly bestStates: StatesBySite;
}

/** @throws EvaluationError when the global model cannot be evaluated; a site's failure only costs that site. */
export async function simulateFederation(federation: VirtualFederation): Promise<FederationOutcome> {
  const { plan, data, hooks, initialWeights, manifest } = federation;
  const clock = createVirtualClock();
  const sites = data.sites.map((site) => ({ ...site, identity: createIdentity() }));
  const transport = createMemoryTransport({
    clock,
    sites: sites.map((s) => s.siteId),
    ...federation.network,
  });
  const identity = createIdentity();
  const boxKeys = createAgreementKeyPair();
  const policy = { approvedPlans: [hashPlan(plan)], minimumCohort: plan.federation.minimumCohort };
  const judge = createSitesJudge(federation);
  const agents = sites.map((site): SiteAgent =>
    startSiteAgent({
      siteId: site.siteId,
      identity: site.identity,
      coordinatorKey: identity.publicKey,
      policy,
      link: transport.linkOf(site.siteId),
      trainer: trainerOf(site, federation, { clock, judge }),
      report: (report) => {
        if (report.kind !== 'trainingFailed') return;
        hooks.onProgress?.({ kind: 'notice', text: `${site.name}: ${report.message}` });
      },
    }),
  );
  const recorder = new RoundRecorder(federation, transport);
  try {
    const run = executeRun({
      runId: runIdSchema.parse(`simulation-${String(plan.seed)}`),
      plan,
      initialWeights,
      manifest,
      identity,
      boxKeys,
      roster: new Map(sites.map((site) => [site.siteId, site.identity.publicKey])),
      gateway: transport.gateway,
      clock,
      journal: forgetfulJournal,
      evaluate: (weights) => clock.track(judge.evaluate(weights)),
      hooks: recorder,
      ...(hooks.signal && { signal: hooks.signal }),
    });
    const result = await clock.runUntil(run);
    const bestStates = judge.statesOf(result.best?.weights);
    return { ...result, rounds: recorder.rounds, bestStates };
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
    for (const { identity: own } of sites) own.dispose();
    identity.dispose();
    wipe(boxKeys.secretKey);
  }
}

/** A site trains in the pool; simulated time waits for it. */
function trainerOf(
  { siteId, data }: VirtualSite,
  { pool, model, hooks }: VirtualFederation,
  { clock, judge }: { readonly clock: VirtualClock; readonly judge: SitesJudge },
): LocalTrainer {
  return {
    train: async ({ plan, context, weights, serverControl, state, signal }) => {
      const stop = hooks.signal ? AbortSignal.any([signal, hooks.signal]) : signal;
      const { training, seed, federation, task } = plan;
      const part = { training, seed, federation, task };
      const { round } = context;
      const update = pool.update(
        { model, plan: part, round, siteId, weights, serverControl, state, data },
        stop,
      );
      const result = await clock.track(update);
      judge.trained(siteId, result.kept);
      return result;
    },
  };
}

/** Turns reports of rounds into the lines of rounds.jsonl. */
class RoundRecorder {
  readonly rounds: RoundResult[] = [];
  readonly #federation: VirtualFederation;
  readonly #transport: MemoryTransport;
  readonly #updates = new Map<SiteId, { exampleCount: number; meanLoss: number }>();
  #startedMs = systemClock.elapsedMs();
  #bytes = { up: 0, down: 0 };

  constructor(federation: VirtualFederation, transport: MemoryTransport) {
    this.#federation = federation;
    this.#transport = transport;
  }

  report(position: { readonly round: number; readonly attempt: number }, report: RoundReport): void {
    if (report.kind === 'phaseEntered' && report.phase === 'selecting') this.#updates.clear();
    if (report.kind === 'updateAccepted') this.#updates.set(report.siteId, report);
    this.#federation.hooks.onProgress?.({ kind: 'report', ...position, report });
  }

  attempt(record: AttemptRecord): void {
    const traffic = this.#traffic();
    const nowMs = systemClock.elapsedMs();
    if (record.outcome === 'published') {
      const result: RoundResult = {
        round: record.round,
        cohort: record.survivors.length + record.dropped.length,
        survivors: record.survivors.length,
        dropped: record.dropped.map(({ siteId, reason }) => ({ site: this.#nameOf(siteId), reason })),
        ...this.#losses(),
        validation: record.validation.metrics,
        durationMs: nowMs - this.#startedMs,
        bytesUp: traffic.up - this.#bytes.up,
        bytesDown: traffic.down - this.#bytes.down,
      };
      this.rounds.push(result);
      const { rounds } = this.#federation.plan.federation;
      this.#federation.hooks.onProgress?.({ kind: 'round', result, rounds });
      this.#bytes = traffic;
      this.#startedMs = nowMs;
    }
  }

  readonly #nameOf = (siteId: SiteId): string =>
    this.#federation.data.sites.find((site) => site.siteId === siteId)?.name ?? siteId;

  /** In the order of the sites, so that the sum does not depend on who was first. */
  #losses(): { loss: number; sites: SiteRound[] } {
    let examples = 0;
    let sum = 0;
    const sites: SiteRound[] = [];
    for (const { siteId, name } of this.#federation.data.sites) {
      const update = this.#updates.get(siteId);
      if (!update) continue;
      examples += update.exampleCount;
      sum += update.exampleCount * update.meanLoss;
      sites.push({ site: name, loss: update.meanLoss });
    }
    return { loss: sum / examples, sites };
  }

  #traffic(): { up: number; down: number } {
    const all = this.#federation.data.sites.map(({ siteId }) => this.#transport.trafficOf(siteId));
    return {
      up: all.reduce((sum, { up }) => sum + up, 0),
      down: all.reduce((sum, { down }) => sum + down, 0),
    };
  }
}
