/**
 * A federation under secure aggregation over any transport, with a hand on every message: for the suites of dropouts, of a
 * malicious coordinator and of malicious sites. What is changed is signed again where the test says so: the
 * coordinator may say anything, and so may a site.
 */
import { startSiteAgent } from '../../client/session/agent.ts';
import type { SessionReport } from '../../client/session/events.ts';
import type { SitePolicy } from '../../client/session/policy.ts';
import type { RoundSecrets } from '../../client/session/round-secrets.ts';
import type { LocalTrainer } from '../../client/training/local-update.ts';
import { applyMean, initServer } from '../../coordinator/aggregation/server.ts';
import type { RoundReport } from '../../coordinator/round/events.ts';
import { executeRun } from '../../coordinator/run/run.ts';
import type { RunResult } from '../../coordinator/run/run-options.ts';
import type { Clock } from '../../shared/clock.ts';
import { createAgreementKeyPair, type AgreementKeyPair } from '../../shared/crypto/agreement.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import { createIdentity } from '../../shared/crypto/identity.ts';
import { signStatement } from '../../shared/crypto/statement.ts';
import { runIdSchema, siteIdSchema, type RunId, type SiteId } from '../../shared/ids.ts';
import {
  decodeCoordinatorMessage,
  decodeSiteMessage,
  encodeCoordinatorMessage,
  encodeSiteMessage,
  type Frame,
} from '../../shared/protocol/codec.ts';
import { layoutOf } from '../../shared/protocol/masking-context.ts';
import type { CoordinatorMessage, SiteMessage } from '../../shared/protocol/messages.ts';
import { hashPlan, type Plan, type PlanInput } from '../../shared/protocol/plan.ts';
import { decodeRingSum, encodeRingUpdate } from '../../shared/protocol/ring-update.ts';
import {
  abortedStatement,
  ackStatement,
  announceStatement,
  countStatement,
  publishedStatement,
  relayStatement,
  shareKeysStatement,
  siteStatement,
  survivorsStatement,
  trainStatement,
  unmaskStatement,
  type Statement,
} from '../../shared/protocol/signatures.ts';
import { isTransferFrame } from '../../shared/protocol/transfer-messages.ts';
import type { SiteGateway } from '../../shared/protocol/transport.ts';
import type { UpdatePayload } from '../../shared/protocol/update-payload.ts';
import { addInto, newRingVector } from '../../shared/secagg/ring.ts';
import { planOf } from '../coordinator/fixtures.ts';
import { manifestWith } from '../shared/learning/training/manifests.ts';
import type { TransportWorld } from './transport-contract.ts';

/** A transport between a coordinator and sites, for one run. */
export interface SecaggTransport extends TransportWorld {
  readonly clock: Clock;
  readonly identities: ReadonlyMap<SiteId, Identity>;
  /** After so long a message has arrived. */
  readonly arrivalMs: number;
  /** Keeps a simulated clock from moving on. */
  track<T>(work: Promise<T>): Promise<T>;
  /** The site is gone, and the coordinator hears of it. */
  disconnect(siteId: SiteId): void;
  /** Absent: a site that is gone does not come back. */
  readonly reconnect?: (siteId: SiteId) => void;
}

export type TransportFactory = (sites: readonly SiteId[]) => Promise<SecaggTransport>;

/** What is sent in the place of a message; undefined: the message itself. */
type Tamper<M> = (siteId: SiteId, message: M, world: World) => readonly M[] | undefined;

export interface World {
  readonly coordinator: Identity;
  readonly identities: ReadonlyMap<SiteId, Identity>;
  readonly boxKeys: AgreementKeyPair;
  readonly secrets: ReadonlyMap<SiteId, RoundSecrets>;
  readonly transport: SecaggTransport;
  /** Everything that was sent, as it was sent. */
  readonly up: readonly { readonly siteId: SiteId; readonly message: SiteMessage }[];
  readonly down: readonly { readonly siteId: SiteId; readonly message: CoordinatorMessage }[];
  /** Who has trained, once for each time. */
  readonly trained: readonly SiteId[];
  /** Signs a message of the coordinator anew. */
  resign<M extends CoordinatorMessage>(siteId: SiteId, message: M): M;
  resignSite<M extends SiteMessage>(message: M): M;
  /** Over the site's connection, untampered. */
  send(siteId: SiteId, message: SiteMessage): void;
}

export type DropPoint = `${'before' | 'after'} ${SiteMessage['type']}`;

export interface SecaggOptions {
  readonly names?: readonly string[];
  readonly threshold?: number;
  readonly rounds?: number;
  readonly federation?: Partial<PlanInput['federation']>;
  readonly ring?: NonNullable<Plan['protection']['ring']>;
  readonly policy?: Partial<SitePolicy>;
  /** Where a site is cut off, once. */
  readonly drops?: Readonly<Record<string, DropPoint>>;
  /** A site that is cut off stays connected: the coordinator hears nothing of it and about it. */
  readonly silent?: boolean;
  /** Sites come back so long after they were cut off. */
  readonly backAfterMs?: number;
  readonly tamperDown?: Tamper<CoordinatorMessage>;
  readonly tamperUp?: Tamper<SiteMessage>;
  /** What the coordinator sends is not decoded and kept: in tables of thousands of runs that is a quarter of the time. */
  readonly unheard?: boolean;
  /** Raw frames, after all else. */
  readonly mangleDown?: (siteId: SiteId, frame: Frame) => Frame;
  readonly mangleUp?: (siteId: SiteId, frame: Frame) => Frame;
  /** The plan needs the federation's class counts: a round of counts comes first. */
  readonly counting?: boolean;
  /** Default: `RUN_ID`. */
  readonly runId?: RunId;
  /** After the run, while the sites still listen. */
  readonly afterwards?: (world: World) => Promise<void> | void;
}

export interface SecaggOutcome extends RunResult {
  readonly plan: Plan;
  readonly world: World;
  readonly coordinatorReports: readonly RoundReport[];
  reportsOf(name: string): readonly SessionReport[];
  /** Why a site refused or ignored something, in order. */
  refusalsOf(name: string): readonly string[];
}

export const site = (name: string): SiteId => siteIdSchema.parse(name);
export const RUN_ID = runIdSchema.parse('secagg');
const PARAMETERS = 6;

/** Site number k (from 1) has 10·k examples and moves towards k. */
export function updateOf(siteId: SiteId, weights: Float32Array): UpdatePayload {
  const k = siteId.charCodeAt(0) - 96;
  return {
    exampleCount: 10 * k,
    meanLoss: 1 / k,
    validation: { exampleCount: k, correctCount: 1, lossSum: k / 2 },
    delta: weights.map((w, i) => 0.1 * (k - w) + i / 64),
  };
}

/** Site number k (from 1) has k images of the first class and 10·k of the second. */
function countsOf(siteId: SiteId): readonly [number, number] {
  const k = siteId.charCodeAt(0) - 96;
  return [k, 10 * k];
}

/** What these sites have together. */
export function expectedCounts(survivors: readonly SiteId[]): readonly number[] {
  return [0, 1].map((label) =>
    survivors.reduce((total, siteId) => total + (countsOf(siteId)[label] ?? NaN), 0),
  );
}

const trainer = (siteId: SiteId, trained: SiteId[]): LocalTrainer => ({
  count: () => Promise.resolve(countsOf(siteId)),
  train: ({ weights }) => {
    trained.push(siteId);
    return Promise.resolve(updateOf(siteId, weights));
  },
});

export function secaggPlan(options: SecaggOptions): Plan {
  const { names = NAMES, threshold, ring } = options;
  const federation = {
    rounds: options.rounds ?? 1,
    minimumCohort: names.length,
    minimumSurvivors: 1,
    maximumConsecutiveAborts: 1,
    // Nobody is dropped because this machine is slow.
    deadlinesMs: { selecting: 60_000, advertising: 60_000, training: 60_000, quiet: 60_000 },
    ...options.federation,
  };
  return planOf(federation, {
    parameterCount: PARAMETERS,
    ...(options.counting && { training: { epochs: 1, classWeighting: { kind: 'federated' } } }),
    protection: {
      mode: 'secure-aggregation',
      ...(threshold !== undefined && { threshold }),
      ...(ring && { ring }),
      smallCohortAcknowledged: true,
    },
  });
}

export const NAMES = ['a', 'b', 'c', 'd', 'e'];

/** The weights that the plan makes of the exact integer sum of these sites' updates. */
export function expectedWeights(plan: Plan, survivors: readonly SiteId[], cohortSize: number): Float32Array {
  const layout = layoutOf(plan, cohortSize, 1);
  const { ring } = plan.protection;
  if (!layout || !ring) throw new Error('the plan has no ring');
  const weights = new Float32Array(plan.parameterCount);
  const context = { runId: RUN_ID, round: 1 };
  const { exampleCap } = ring;
  const sum = newRingVector(layout.bits, layout.length);
  for (const siteId of survivors)
    addInto(
      sum,
      encodeRingUpdate(updateOf(siteId, weights), { layout, exampleCap, context, seed: plan.seed, siteId }),
    );
  const { parameterCount } = plan;
  const survivorCount = survivors.length;
  const mean = decodeRingSum(sum, { layout, exampleCap, parameterCount, context, survivorCount });
  if (!mean) throw new Error('the sum is implausible');
  const manifest = manifestWith([{ kind: 'kernel', length: parameterCount }]);
  const rules = { strategy: plan.federation.strategy, rounds: 1, manifest, siteCount: cohortSize };
  return applyMean(rules, initServer(rules, weights), { ...mean, updateCount: survivorCount }, 1).weights;
}

function statementOf(siteId: SiteId, message: CoordinatorMessage): Statement {
  switch (message.type) {
    case 'announce':
      return announceStatement(message);
    case 'share-keys':
      return shareKeysStatement(message);
    case 'relay':
      return relayStatement(message, siteId);
    case 'train':
      return trainStatement(message);
    case 'count':
      return countStatement(message);
    case 'survivors':
      return survivorsStatement(message);
    case 'unmask':
      return unmaskStatement(message);
    case 'ack':
      return ackStatement(message, siteId);
    case 'published':
      return publishedStatement(message);
    case 'aborted':
      return abortedStatement(message);
  }
}

/** Who listens next is told of them again. */
function allConnected(gateway: SiteGateway, count: number): Promise<void> {
  const seen = new Set<SiteId>();
  return new Promise((resolve) => {
    gateway.listen({
      connected: (siteId) => {
        if (seen.add(siteId).size === count) resolve();
      },
      disconnected: () => undefined,
      frame: () => undefined,
    });
  });
}

const LARGEST = 1 << 24;
const coordinator = createIdentity();
const boxKeys = createAgreementKeyPair();

export async function runSecagg(
  factory: TransportFactory,
  options: SecaggOptions = {},
): Promise<SecaggOutcome> {
  const names = (options.names ?? NAMES).map(site);
  const plan = secaggPlan(options);
  const transport = await factory(names);
  const { identities, clock } = transport;
  const secrets = new Map<SiteId, RoundSecrets>();
  const up: { siteId: SiteId; message: SiteMessage }[] = [];
  const down: { siteId: SiteId; message: CoordinatorMessage }[] = [];
  const trained: SiteId[] = [];
  const links = new Map(names.map((siteId) => [siteId, transport.linkOf(siteId)]));
  const world: World = {
    ...{ coordinator, identities, boxKeys, secrets, transport, up, down, trained },
    send: (siteId, message) => links.get(siteId)?.send(encodeSiteMessage(message)),
    resign: (siteId, message) => {
      const { purpose, fields } = statementOf(siteId, message);
      return { ...message, signature: signStatement(coordinator, purpose, fields) };
    },
    resignSite: (message) => {
      const identity = identities.get(message.siteId);
      if (!identity) throw new Error(`there is no site ${message.siteId}`);
      const { purpose, fields } = siteStatement(message);
      return { ...message, signature: signStatement(identity, purpose, fields) };
    },
  };
  /** Sites that have reached their point: from then on nothing of them gets out, until they are back. */
  const gone = new Set<SiteId>();
  const away = new Set<SiteId>();
  const leave = (siteId: SiteId, delayMs: number): void => {
    gone.add(siteId);
    away.add(siteId);
    const { backAfterMs, silent } = options;
    if (!silent)
      clock.schedule(delayMs, () => {
        transport.disconnect(siteId);
      });
    const { reconnect } = transport;
    if (backAfterMs !== undefined && reconnect)
      clock.schedule(backAfterMs, () => {
        away.delete(siteId);
        if (silent) transport.interrupt(siteId);
        else reconnect(siteId);
      });
  };
  const sendUp = (siteId: SiteId, frame: Frame, send: (frame: Frame) => void): void => {
    if (away.has(siteId)) return;
    const decoded = isTransferFrame(frame) ? undefined : decodeSiteMessage(frame, LARGEST);
    if (!decoded?.ok) {
      send(frame);
      return;
    }
    const { message } = decoded;
    const point = gone.has(siteId) ? undefined : options.drops?.[siteId];
    if (point === `before ${message.type}`) {
      leave(siteId, 0);
      return;
    }
    for (const sent of options.tamperUp?.(siteId, message, world) ?? [message]) {
      up.push({ siteId, message: sent });
      const passed = sent === message ? frame : encodeSiteMessage(sent);
      send(options.mangleUp?.(siteId, passed) ?? passed);
    }
    if (point === `after ${message.type}`) leave(siteId, transport.arrivalMs);
  };
  const sendDown = (siteId: SiteId, frame: Frame): void => {
    const { gateway } = transport;
    const mangle = options.mangleDown ?? ((_: SiteId, same: Frame) => same);
    const isKept = !options.unheard && !isTransferFrame(frame);
    const decoded = isKept ? decodeCoordinatorMessage(frame, LARGEST) : undefined;
    if (!decoded?.ok) {
      gateway.send(siteId, frame);
      return;
    }
    for (const sent of options.tamperDown?.(siteId, decoded.message, world) ?? [decoded.message]) {
      down.push({ siteId, message: sent });
      gateway.send(siteId, mangle(siteId, sent === decoded.message ? frame : encodeCoordinatorMessage(sent)));
    }
  };
  const gateway: SiteGateway = {
    listen: (handlers) => {
      transport.gateway.listen(handlers);
    },
    send: sendDown,
    close: () => {
      transport.gateway.close();
    },
  };
  const roster = new Map([...identities].map(([siteId, { publicKey }]) => [siteId, publicKey]));
  const reports: { readonly siteId: SiteId; readonly report: SessionReport }[] = [];
  const agents = names.map((siteId) => {
    const identity = identities.get(siteId);
    if (!identity) throw new Error(`there is no site ${siteId}`);
    const link = links.get(siteId) ?? transport.linkOf(siteId);
    return startSiteAgent({
      ...{ siteId, identity, roster, clock },
      coordinatorKey: coordinator.publicKey,
      policy: {
        approvedPlans: [hashPlan(plan)],
        minimumCohort: 2,
        smallCohortAcknowledged: true,
        ...options.policy,
      },
      link: {
        listen: (handlers) => {
          link.listen(handlers);
        },
        send: (frame) => {
          sendUp(siteId, frame, (passed) => {
            link.send(passed);
          });
        },
        close: () => {
          link.close();
        },
      },
      trainer: trainer(siteId, trained),
      journal: {
        append: () => Promise.resolve(),
        keepSecrets: (kept) => {
          secrets.set(siteId, structuredClone(kept));
          return Promise.resolve();
        },
      },
      report: (report) => reports.push({ siteId, report }),
    });
  });
  // A site that breaks says so here, and not after the test.
  const broken = Promise.all(agents.map((agent) => agent.finished));
  broken.catch(() => undefined);
  await transport.wait(allConnected(transport.gateway, names.length));
  const coordinatorReports: RoundReport[] = [];
  const run = executeRun({
    ...{ runId: options.runId ?? RUN_ID, plan, identity: coordinator, boxKeys, roster, gateway, clock },
    initialWeights: new Float32Array(plan.parameterCount),
    manifest: manifestWith([{ kind: 'kernel', length: plan.parameterCount }]),
    journal: { append: () => Promise.resolve() },
    evaluate: () => Promise.resolve({ loss: 1, score: 0.5, metrics: {} }),
    track: (work) => transport.track(work),
    hooks: { report: (_, report) => coordinatorReports.push(report) },
  });
  try {
    const result = await transport.wait(Promise.race([run, broken.then(() => run)]));
    if (options.afterwards) await transport.wait(Promise.resolve(options.afterwards(world)));
    const reportsOf = (name: string): SessionReport[] =>
      reports.filter(({ siteId }) => siteId === name).map(({ report }) => report);
    return {
      ...{ ...result, plan, world, coordinatorReports, reportsOf },
      refusalsOf: (name) =>
        reportsOf(name).flatMap((report) =>
          report.kind === 'refused' || report.kind === 'ignored' ? [report.reason] : [],
        ),
    };
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
    await transport.close();
  }
}
