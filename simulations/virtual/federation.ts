/**
 * The federation itself: the coordinator's run and N site agents, the code of production, over the in-memory transport
 * with simulated time. Only where training happens (the pool) and who carries frames differ from real hospitals.
 */
import { executeRun } from '../../coordinator/run/run.ts';
import type { RunPosition, RunResult } from '../../coordinator/run/run-options.ts';
import { forgetfulJournal } from '../../coordinator/round/journal.ts';
import type { AttemptRecord } from '../../coordinator/run/progress.ts';
import type { UpdateFigures } from '../../coordinator/round/events.ts';
import { receive } from '../../client/session/admission.ts';
import { startSiteAgent, type SiteAgent } from '../../client/session/agent.ts';
import type { SiteAgentOptions } from '../../client/session/agent-options.ts';
import type { SitePolicy } from '../../client/session/policy.ts';
import type { LocalTrainer } from '../../client/training/local-update.ts';
import { createSiteStates, type StatesInMemory } from '../../client/training/site-state.ts';
import { createAgreementKeyPair, type AgreementKeyPair } from '../../shared/crypto/agreement.ts';
import { wipe } from '../../shared/crypto/bytes.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { createIdentity, type Identity } from '../../shared/crypto/identity.ts';
import { verifyStatement } from '../../shared/crypto/statement.ts';
import { runIdSchema, type RunId, type SiteId } from '../../shared/ids.ts';
import { classCountsOf } from '../../shared/learning/training/class-weights.ts';
import type { Manifest } from '../../shared/learning/weights.ts';
import { canonicalBytes } from '../../shared/protocol/canonical.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import type { CoordinatorMessage } from '../../shared/protocol/messages.ts';
import { COUNTS_ROUND, needsClassCounts } from '../../shared/protocol/class-counts.ts';
import { hashPlan, type Plan } from '../../shared/protocol/plan.ts';
import type { Roster } from '../../shared/protocol/roster.ts';
import { TransferSlots } from '../../shared/protocol/transfer-slots.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { createFaultDirector, noFaults, type FaultDirector } from '../faults/director.ts';
import type { FaultScenario, Position } from '../faults/scenario.ts';
import type { Pool } from '../pool/pool.ts';
import { toSharedVector, type ModelSpec } from '../pool/tasks.ts';
import type { SimulationHooks } from '../progress.ts';
import type { CountsResult, RoundResult } from '../report/result-types.ts';
import {
  createMemoryTransport,
  type MemoryTransport,
  type MemoryTransportOptions,
} from './memory-transport.ts';
import { RoundRecorder } from './round-recorder.ts';
import { createSitesJudge, type SitesJudge, type StatesBySite } from './judge-sites.ts';
import type { ThawedNetwork } from './network.ts';
import type { PreparedData, VirtualSite } from './prepare.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';

export interface VirtualFederation {
  readonly plan: Plan;
  readonly model: ModelSpec;
  /** Where part of the model is frozen for the first rounds only. */
  readonly thawed?: ThawedNetwork & { readonly manifest: Manifest };
  readonly initialWeights: Float32Array;
  readonly manifest: Manifest;
  readonly data: Pick<PreparedData, 'sites' | 'validation' | 'classNames'>;
  readonly pool: Pool;
  readonly hooks: SimulationHooks;
  /** Slow or faulty connections. */
  readonly network?: Pick<MemoryTransportOptions, 'latencyMs' | 'intercept'>;
  readonly faults?: FaultScenario;
  /** Where the run was left; absent: at its beginning. */
  readonly from?: Checkpoint;
  /** Called after every round; the next one begins when it has resolved. */
  readonly save?: (checkpoint: Checkpoint) => Promise<void>;
}

export interface FederationOutcome extends RunResult {
  readonly rounds: readonly RoundResult[];
  /** Of the plans that count classes. */
  readonly counts: CountsResult | undefined;
  /** What the sites kept of the round whose model is the best. */
  readonly bestStates: StatesBySite;
}

/** @throws EvaluationError when the global model cannot be evaluated; a site's failure only costs that site. */
export async function simulateFederation(federation: VirtualFederation): Promise<FederationOutcome> {
  const { plan, hooks, initialWeights, manifest, from } = federation;
  const world = createWorld(federation);
  const { clock, transport, identity, boxKeys, sites, judge, director, runId } = world;
  const agents = sites.map((site) => startAgent(site, federation, world));
  const { trained } = world;
  const recorder = new RoundRecorder({
    ...{ federation, transport, director, trained },
    rounds: from?.rounds ?? [],
  });
  director.begin(nextPosition(plan, from?.position.records.at(-1)));
  try {
    const run = executeRun({
      runId,
      plan,
      initialWeights,
      manifest,
      ...(federation.thawed && { thawed: federation.thawed }),
      identity,
      boxKeys,
      roster: world.roster,
      track: (work) => clock.track(work),
      gateway: transport.gateway,
      clock,
      journal: forgetfulJournal,
      evaluate: (weights, classCounts) => clock.track(judge.evaluate(weights, classCounts)),
      hooks: {
        report: (position, report) => {
          director.report(report);
          recorder.report(position, report);
        },
        attempt: async (record, position) => {
          recorder.attempt(record);
          await allArrived(world);
          if (record.outcome !== 'aborted' && federation.save) {
            const checkpoint = checkpointOf(world, plan, { position, rounds: recorder.rounds });
            await clock.track(federation.save(checkpoint));
          }
          director.begin(nextPosition(plan, record));
        },
      },
      ...(hooks.signal && { signal: hooks.signal }),
      ...(from && { from: from.position }),
    });
    const result = await clock.runUntil(run);
    const bestStates = judge.statesOf(result.best?.weights);
    const counted = result.records.find((record) => record.outcome === 'counted');
    const counts = counted && recorder.countsOf(counted);
    return { ...result, rounds: recorder.rounds, counts, bestStates };
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
    for (const { identity: own } of sites) own.dispose();
    identity.dispose();
    wipe(boxKeys.secretKey);
  }
}

type EquippedSite = VirtualSite & { readonly identity: Identity; readonly states: StatesInMemory };

/** Everything around the run. */
interface World {
  readonly runId: RunId;
  readonly clock: VirtualClock;
  readonly transport: MemoryTransport;
  readonly director: FaultDirector;
  /** All sites live in one process: a few of them receive the model at once. */
  readonly slots: TransferSlots<object>;
  readonly judge: SitesJudge;
  readonly identity: Identity;
  readonly boxKeys: AgreementKeyPair;
  readonly sites: readonly EquippedSite[];
  readonly roster: Roster;
  /** What each site said of its last training: under masks nobody else knows. */
  readonly trained: Map<SiteId, UpdateFigures>;
  /** Each signature is checked once in this process, whoever asks. */
  readonly verify: SiteAgentOptions['verify'];
  /** Each frame is decoded once in this process, whoever gets it. */
  readonly receive: SiteAgentOptions['receive'];
  /** Updates that are being made or are under way: more than the workers need would only fill memory. */
  readonly updates: TransferSlots<object>;
  readonly shared: (weights: Float32Array) => Float32Array;
}

/** Enough that no worker waits, and few enough that memory does not grow with the number of sites. */
const CONCURRENT_DOWNLOADS = 4;
/** So that no worker waits for the next one. */
const SPARE_UPDATES = 1;

function createWorld(federation: VirtualFederation): World {
  const { plan, data, network, faults, from, pool } = federation;
  const runId = runIdSchema.parse(`simulation-${String(plan.seed)}`);
  const clock = createVirtualClock();
  const sites = data.sites.map((site) => ({
    ...site,
    identity: createIdentity(),
    states: createSiteStates(),
  }));
  const kept = new Map(from?.kept);
  for (const { siteId, states } of sites) {
    const state = kept.get(siteId);
    if (state) states.save(runId, state);
  }
  let director = noFaults;
  const transport = createMemoryTransport({
    clock,
    sites: sites.map((s) => s.siteId),
    ...network,
    intercept: (direction, siteId, frame) => {
      const passed = direction === 'up' ? director.passUp(siteId, frame) : frame;
      return network?.intercept?.(direction, siteId, passed) ?? [passed];
    },
  });
  if (faults)
    director = createFaultDirector({
      ...{ scenario: faults, runSeed: plan.seed, sites, clock, transport },
      protection: plan.protection.mode,
    });
  const judge = createSitesJudge(federation);
  const best = from?.position.best;
  if (from && best) judge.restore(from.trained, { weights: best.weights, states: from.best });
  return {
    ...{ runId, clock, transport, director, judge, sites },
    identity: createIdentity(),
    boxKeys: createAgreementKeyPair(),
    roster: new Map(sites.map((site) => [site.siteId, site.identity.publicKey])),
    trained: new Map<SiteId, UpdateFigures>(),
    verify: onceVerified(),
    receive: onceReceived(),
    updates: new TransferSlots(pool.workerCount + SPARE_UPDATES),
    slots: new TransferSlots(CONCURRENT_DOWNLOADS),
    shared: shareModel(),
  };
}

function startAgent(site: EquippedSite, federation: VirtualFederation, world: World): SiteAgent {
  const { siteId, name, identity, states } = site;
  const { plan, hooks } = federation;
  return startSiteAgent({
    siteId,
    identity,
    states,
    coordinatorKey: world.identity.publicKey,
    policy: policyOf(plan),
    roster: world.roster,
    ...(world.verify && { verify: world.verify }),
    ...(world.receive && { receive: world.receive }),
    link: world.transport.linkOf(siteId),
    slots: world.slots,
    trainer: world.director.trainerOf(siteId, trainerOf(site, federation, world)),
    report: (report) => {
      if (report.kind !== 'trainingFailed') return;
      hooks.onProgress?.({ kind: 'notice', text: `${name}: ${report.message}` });
    },
  });
}

/** Virtual hospitals agree to the plan and to what it says of small cohorts. */
function policyOf(plan: Plan): SitePolicy {
  const { protection, federation } = plan;
  const isMasked = protection.mode === 'secure-aggregation';
  return {
    approvedPlans: [hashPlan(plan)],
    minimumCohort: federation.minimumCohort,
    ...(isMasked && { smallCohortAcknowledged: protection.smallCohortAcknowledged }),
    // Of what is left when sites drop the threshold of the shares decides.
    ...(isMasked && { minimumCohort: Math.min(federation.minimumCohort, federation.minimumSurvivors) }),
  };
}

/** Of a large cohort everyone checks everyone's signature: the same one with the same outcome. */
export function onceVerified(): NonNullable<SiteAgentOptions['verify']> {
  const known = new Map<string, boolean>();
  return (publicKey, statement) => {
    const name = sha512Hex(publicKey, canonicalBytes(statement));
    const found = known.get(name);
    if (found !== undefined) return found;
    if (known.size >= MAX_VERIFIED) known.clear();
    const isValid = verifyStatement(publicKey, statement);
    known.set(name, isValid);
    return isValid;
  };
}

/** The same announcement goes to everyone: of the last frames it is known what they say. */
export function onceReceived(): NonNullable<SiteAgentOptions['receive']> {
  const known: { readonly frame: Frame; readonly message: CoordinatorMessage | undefined }[] = [];
  return (frame) => {
    const found = known.find(
      (one) => one.frame.header === frame.header && one.frame.payload === frame.payload,
    );
    if (found) return found.message;
    const message = receive(frame);
    known.unshift({ frame, message });
    known.length = Math.min(known.length, MAX_RECEIVED);
    return message;
  };
}

/** Sites are told the same one after the other, and some of them are a message ahead. */
const MAX_RECEIVED = 4;

/** The signatures of a round of the largest cohort. */
const MAX_VERIFIED = 4096;

/** The attempt after the one that was recorded last. No simulated site gives cause for a repetition of a spent round. */
export function nextPosition(plan: Plan, last: AttemptRecord | undefined): Position {
  if (!last) return { round: needsClassCounts(plan) ? COUNTS_ROUND : 1, attempt: 1 };
  return last.outcome === 'aborted' && !last.spent
    ? { round: last.round, attempt: last.attempt + 1 }
    : { round: last.round + 1, attempt: 1 };
}

/** Until every message of the round has been delivered and heeded, so that rounds are told apart cleanly. */
async function allArrived({ transport, clock }: World): Promise<void> {
  await transport.drained();
  await new Promise<void>((resolve) => {
    clock.schedule(0, resolve);
  });
}

function checkpointOf(
  { sites, judge, runId }: World,
  plan: Plan,
  { position, rounds }: { readonly position: RunPosition; readonly rounds: Checkpoint['rounds'] },
): Checkpoint {
  const kept = sites.flatMap(({ siteId, states }) => {
    const state = states.load(runId);
    return state ? [[siteId, state] as const] : [];
  });
  return {
    planHash: hashPlan(plan),
    ...{ position, rounds, kept },
    trained: [...judge.latest()],
    best: [...judge.statesOf(position.best?.weights)],
  };
}

/**
 * One copy of the global model for all sites, in memory that the workers share: each site has received its own, which is
 * let go before it waits for a worker, so that memory does not grow with the number of sites.
 */
function shareModel(): (weights: Float32Array) => Float32Array {
  let last: Float32Array | undefined;
  return (weights) => {
    if (!last || Buffer.compare(bytesOf(last), bytesOf(weights)) !== 0) last = toSharedVector(weights);
    return last;
  };
}

const bytesOf = (vector: Float32Array): Uint8Array =>
  new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);

/** A site trains in the pool; simulated time waits for it. */
function trainerOf(
  { siteId, data, validation }: VirtualSite,
  { pool, model: first, thawed, hooks }: VirtualFederation,
  { clock, judge, shared, trained, updates }: World,
): LocalTrainer {
  return {
    // Not an async function: it would hold on to the request, and to its copy of the model, until the site has trained.
    train: (request) => {
      const { plan, context, serverControl, classCounts, state, signal } = request;
      const weights = shared(request.weights);
      const stop = hooks.signal ? AbortSignal.any([signal, hooks.signal]) : signal;
      const { training, seed, federation, task } = plan;
      const part = { training, seed, federation, task };
      const { round } = context;
      const model = thawed && round >= thawed.fromRound ? thawed.model : first;
      const place = {};
      const update = new Promise<void>((start) => {
        updates.claim(place, start);
      }).then(() =>
        pool.update(
          { model, plan: part, round, siteId, weights, serverControl, classCounts, state, data, validation },
          stop,
        ),
      );
      const free = (): Promise<void> =>
        clock.caughtUp().then(() => {
          updates.free(place);
        });
      update.then(free, free);
      return clock.track(update).then((result) => {
        judge.trained(siteId, result.kept);
        const { exampleCount, meanLoss, validation: judged } = result;
        trained.set(siteId, { exampleCount, meanLoss, ...(judged && { validation: judged }) });
        return result;
      });
    },
    count: () => Promise.resolve(classCountsOf(data.labels, first.classCount)),
  };
}
