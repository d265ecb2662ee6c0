/**
 * A round of a million parameters under secure aggregation in which one site of three has a slow way to the coordinator. The
 * deadlines are those of hospitals, divided as the link's time is.
 */
import { startSiteAgent } from '../../client/session/agent.ts';
import type { RoundReport } from '../../coordinator/round/events.ts';
import { executeRun } from '../../coordinator/run/run.ts';
import type { RunResult } from '../../coordinator/run/run-options.ts';
import { systemClock } from '../../shared/clock.ts';
import { createAgreementKeyPair } from '../../shared/crypto/agreement.ts';
import { createIdentity } from '../../shared/crypto/identity.ts';
import { runIdSchema, type SiteId } from '../../shared/ids.ts';
import { hashPlan } from '../../shared/protocol/plan.ts';
import { planOf, sites } from '../coordinator/fixtures.ts';
import { manifestWith } from '../shared/learning/training/manifests.ts';
import { openSlowLink, type SlowLink } from './slow-link.ts';
import { createSocketWorld, type SocketWorld } from './socket-world.ts';

export const PARAMETERS = 1_000_000;
/** As it crosses the wire, in both directions. */
export const MODEL_BYTES = 4 * PARAMETERS;
const LINK = { bytesPerSecond: 64_000, latencyMs: 2000 };
/** Training has less time than the model needs for its way down: without progress the slow site would be dropped. */
const DEADLINES_MS = { selecting: 60_000, advertising: 120_000, training: 60_000, quiet: 60_000 };
const LIMIT_FACTOR = 8;
const GATEWAY = { graceMs: 30_000, heartbeat: { intervalMs: 25_000, timeoutMs: 60_000 } };
const BACKOFF = { firstMs: 500, longestMs: 30_000 };

const [slow, ...fast] = sites('a', 'b', 'c');
export const SLOW = slow;
/** Site number k (from 1) moves every weight by k thousandths, and all weigh the same. */
const STEPS: ReadonlyMap<SiteId | undefined, number> = new Map(
  [slow, ...fast].map((siteId, i) => [siteId, (i + 1) / 1000]),
);
export const meanStep = (names: readonly SiteId[]): number =>
  names.reduce((sum, siteId) => sum + (STEPS.get(siteId) ?? NaN), 0) / names.length;

export interface SlowRound {
  readonly link: SlowLink;
  readonly world: SocketWorld;
}

export interface SlowOutcome extends RunResult {
  readonly link: SlowLink;
  readonly reports: readonly RoundReport[];
  /** How often the coordinator gave the slow site's connection up. */
  readonly lostCount: number;
}

function inScale<T extends Readonly<Record<string, number>>>(times: T, scale: number): T {
  // The same keys with other numbers.
  return Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, ms / scale])) as T;
}

/** `disturb` is called once everybody is connected. */
export async function runSlowRound(
  scale: number,
  disturb: (round: SlowRound) => void = () => undefined,
): Promise<SlowOutcome> {
  const deadlinesMs = inScale(DEADLINES_MS, scale);
  const plan = planOf(
    {
      ...{ rounds: 1, minimumCohort: 3, minimumSurvivors: 2, maximumConsecutiveAborts: 1 },
      ...{ deadlinesMs, trainingLimitFactor: LIMIT_FACTOR },
    },
    {
      parameterCount: PARAMETERS,
      protection: { mode: 'secure-aggregation', threshold: 2, smallCohortAcknowledged: true },
    },
  );
  const names = [...STEPS.keys()].flatMap((siteId) => (siteId === undefined ? [] : [siteId]));
  const world = await createSocketWorld({
    sites: names,
    gateway: { graceMs: GATEWAY.graceMs / scale, heartbeat: inScale(GATEWAY.heartbeat, scale) },
  });
  const link = await openSlowLink({ port: Number(new URL(world.url).port), ...LINK, scale });
  const coordinator = createIdentity();
  const roster = new Map([...world.identities].map(([siteId, { publicKey }]) => [siteId, publicKey]));
  const agents = names.map((siteId) => {
    const url = siteId === SLOW ? `http://127.0.0.1:${String(link.port)}` : world.url;
    return startSiteAgent({
      ...{ siteId, roster, coordinatorKey: coordinator.publicKey },
      identity: world.identities.get(siteId) ?? createIdentity(),
      policy: { approvedPlans: [hashPlan(plan)], minimumCohort: 2, smallCohortAcknowledged: true },
      link: world.linkOf(siteId, { url, backoff: inScale(BACKOFF, scale) }),
      trainer: {
        train: ({ weights }) =>
          Promise.resolve({
            ...{ exampleCount: 10, meanLoss: 1 },
            delta: new Float32Array(weights.length).fill(STEPS.get(siteId) ?? NaN),
          }),
      },
    });
  });
  const reports: RoundReport[] = [];
  try {
    const result = await executeRun({
      ...{ runId: runIdSchema.parse('slow'), plan, identity: coordinator, roster, gateway: world.gateway },
      boxKeys: createAgreementKeyPair(),
      clock: systemClock,
      initialWeights: new Float32Array(PARAMETERS),
      manifest: manifestWith([{ kind: 'kernel', length: PARAMETERS }]),
      journal: { append: () => Promise.resolve() },
      evaluate: () => Promise.resolve({ loss: 1, score: 0.5, metrics: {} }),
      hooks: {
        report: (_, report) => {
          reports.push(report);
          if (report.kind === 'phaseEntered' && report.phase === 'advertising') disturb({ link, world });
        },
      },
    });
    const isLost = ({ kind }: SocketWorld['reports'][number]): boolean => kind === 'lost';
    return { ...result, link, reports, lostCount: world.reports.filter(isLost).length };
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
    await link.close();
    await world.close();
  }
}
