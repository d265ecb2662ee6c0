/**
 * A whole federation without an engine: the real run, agents and transport, and sites that "train" by a formula. Every
 * site can be given another trainer, policy or latency, and every frame can be changed on its way.
 */
import { executeRun } from '../../../coordinator/run/run.ts';
import type { RunHooks, RunPosition, RunResult } from '../../../coordinator/run/run-options.ts';
import type { PauseSwitch } from '../../../coordinator/run/pause.ts';
import type { ValidationResult } from '../../../coordinator/run/progress.ts';
import type { Journal } from '../../../coordinator/round/journal.ts';
import { startSiteAgent } from '../../../client/session/agent.ts';
import type { SiteAgentOptions } from '../../../client/session/agent-options.ts';
import type { SessionReport } from '../../../client/session/events.ts';
import type { LocalTrainer } from '../../../client/training/local-update.ts';
import type { SitePolicy } from '../../../client/session/policy.ts';
import { createAgreementKeyPair } from '../../../shared/crypto/agreement.ts';
import { createIdentity, type Identity } from '../../../shared/crypto/identity.ts';
import { runIdSchema, type SiteId } from '../../../shared/ids.ts';
import { hashPlan, type Plan } from '../../../shared/protocol/plan.ts';
import type { UpdatePayload } from '../../../shared/protocol/update-payload.ts';
import {
  createMemoryTransport,
  type MemoryTransport,
  type MemoryTransportOptions,
} from '../../../simulations/virtual/memory-transport.ts';
import { createVirtualClock, type VirtualClock } from '../../../simulations/virtual/virtual-clock.ts';
import { planOf, sites as siteIds } from '../../coordinator/fixtures.ts';
import { manifestWith } from '../../shared/learning/training/manifests.ts';

export interface MiniSite {
  readonly trainer?: LocalTrainer;
  readonly policy?: Partial<SitePolicy>;
  /** Another coordinator's key than the one that speaks. */
  readonly coordinatorKey?: Uint8Array;
  readonly verify?: SiteAgentOptions['verify'];
}

export interface MiniOptions {
  readonly names?: readonly string[];
  readonly plan?: Plan;
  readonly sites?: Readonly<Record<string, MiniSite>>;
  readonly network?: Pick<MemoryTransportOptions, 'latencyMs' | 'intercept'>;
  readonly journal?: Journal;
  readonly evaluate?: (weights: Float32Array) => Promise<ValidationResult>;
  readonly signal?: AbortSignal;
  readonly pause?: PauseSwitch;
  /** Of both ends. */
  readonly chunkBytes?: number;
  readonly hooks?: RunHooks;
  /** The coordinator's. */
  readonly identity?: Identity;
  /** Where an earlier run was left. */
  readonly from?: RunPosition;
  /** Before the run begins. */
  readonly arrange?: (world: World) => void;
}

export interface World {
  readonly clock: VirtualClock;
  readonly transport: MemoryTransport;
  readonly identities: ReadonlyMap<SiteId, Identity>;
}

export interface MiniResult extends RunResult {
  readonly reports: readonly { readonly siteId: SiteId; readonly report: SessionReport }[];
  readonly transport: MemoryTransport;
}

/** Site number k of n (from 1) counts 10·k examples and moves every weight towards k. */
export const formula = (siteId: SiteId): LocalTrainer => ({
  train: ({ weights }) => Promise.resolve(formulaUpdate(siteId, weights)),
  count: () => Promise.resolve([1, 10 * (siteId.charCodeAt(0) - 96) - 1]),
});

export function formulaUpdate(siteId: SiteId, weights: Float32Array): UpdatePayload {
  const k = siteId.charCodeAt(0) - 96;
  return { exampleCount: 10 * k, meanLoss: 1 / k, delta: weights.map((w) => 0.1 * (k - w)) };
}

/** SCAFFOLD without gradients: what a site has kept is in its next update, so that a round it missed the end of shows. */
export const remembering = (siteId: SiteId): LocalTrainer => ({
  train: ({ weights, state }) => {
    const before = state?.kind === 'control' ? state.control : new Float32Array(weights.length);
    const control = before.map((value) => value + 1);
    const update = formulaUpdate(siteId, weights);
    return Promise.resolve({
      ...update,
      delta: update.delta.map((value, i) => value + 0.01 * (before[i] ?? 0)),
      controlDelta: control.map((value, i) => value - (before[i] ?? 0)),
      kept: { kind: 'control', control },
    });
  },
  count: () => Promise.resolve([1, 1]),
});

const flat = (): Promise<ValidationResult> => Promise.resolve({ loss: 1, score: 0.5, metrics: {} });

export async function runMini(options: MiniOptions = {}): Promise<MiniResult> {
  const plan = options.plan ?? planOf();
  const names = siteIds(...(options.names ?? ['a', 'b', 'c']));
  const clock = createVirtualClock();
  const transport = createMemoryTransport({ clock, sites: names, ...options.network });
  const identity = options.identity ?? createIdentity();
  const identities = new Map(names.map((siteId) => [siteId, createIdentity()] as const));
  const roster = new Map([...identities].map(([siteId, own]) => [siteId, own.publicKey]));
  const reports: { siteId: SiteId; report: SessionReport }[] = [];
  const chunking = options.chunkBytes === undefined ? {} : { chunkBytes: options.chunkBytes };
  const agents = [...identities].map(([siteId, own]) => {
    const { trainer, policy, coordinatorKey, verify } = options.sites?.[siteId] ?? {};
    return startSiteAgent({
      siteId,
      identity: own,
      coordinatorKey: coordinatorKey ?? identity.publicKey,
      policy: { approvedPlans: [hashPlan(plan)], minimumCohort: 2, ...policy },
      link: transport.linkOf(siteId),
      trainer: trainer ?? formula(siteId),
      roster,
      ...(verify && { verify }),
      clock,
      ...chunking,
      report: (report) => reports.push({ siteId, report }),
    });
  });
  options.arrange?.({ clock, transport, identities });
  const run = executeRun({
    runId: runIdSchema.parse('mini'),
    plan,
    initialWeights: new Float32Array(plan.parameterCount),
    manifest: manifestWith([{ kind: 'kernel', length: plan.parameterCount }]),
    identity,
    boxKeys: createAgreementKeyPair(),
    roster,
    track: (work) => clock.track(work),
    gateway: transport.gateway,
    clock,
    journal: options.journal ?? { append: () => Promise.resolve() },
    evaluate: (weights) => clock.track((options.evaluate ?? flat)(weights)),
    ...(options.hooks && { hooks: options.hooks }),
    ...(options.from && { from: options.from }),
    ...(options.signal && { signal: options.signal }),
    ...(options.pause && { pause: options.pause }),
    ...chunking,
  });
  try {
    return { ...(await clock.runUntil(run)), reports, transport };
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
  }
}
