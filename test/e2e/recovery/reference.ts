/**
 * The same run without sockets, processes or interruptions: what the weights of every round have to be, to the last bit.
 * Keys differ from those of any other federation, which no weight depends on.
 */
import { startSiteAgent } from '../../../client/session/agent.ts';
import { computeUpdate } from '../../../client/training/local-update.ts';
import { OpenBench } from '../../../client/training/site-bench.ts';
import { executeRun } from '../../../coordinator/run/run.ts';
import type { AttemptRecord } from '../../../coordinator/run/progress.ts';
import { createAgreementKeyPair } from '../../../shared/crypto/agreement.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import type { ModelHash } from '../../../shared/ids.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { initialWeights, manifestOf } from '../../../shared/learning/weights.ts';
import { networkOf } from '../../../shared/protocol/plan-network.ts';
import { hashPlan, type Plan } from '../../../shared/protocol/plan.ts';
import { createMemoryTransport } from '../../../simulations/virtual/memory-transport.ts';
import { createVirtualClock } from '../../../simulations/virtual/virtual-clock.ts';
import { NAMES, RUN, sourceOf } from './federation.ts';

/** Of each round from the first: the name of the model that it gave. */
export async function uninterrupted(plan: Plan, rounds: number): Promise<readonly ModelHash[]> {
  const clock = createVirtualClock();
  const sites = NAMES.map((name) => siteIdSchema.parse(name));
  const transport = createMemoryTransport({ clock, sites });
  const identity = createIdentity();
  const identities = new Map(sites.map((siteId) => [siteId, createIdentity()] as const));
  const roster = new Map([...identities].map(([siteId, own]) => [siteId, own.publicKey]));
  const benches = await Promise.all(
    sites.map((_, index) => OpenBench.open({ source: sourceOf(index), plan, engine: 'onnx', models: '' })),
  );
  const agents = sites.map((siteId, index) =>
    startSiteAgent({
      ...{ siteId, roster, clock, coordinatorKey: identity.publicKey, link: transport.linkOf(siteId) },
      identity: identities.get(siteId) ?? identity,
      policy: { approvedPlans: [hashPlan(plan)], minimumCohort: 3, smallCohortAcknowledged: true },
      trainer: {
        train: (request) =>
          clock.track(
            (async () => {
              const bench = await benches[index]?.at(request.context.round);
              if (!bench) throw new Error('every site has a bench');
              return computeUpdate({ ...request, ...bench, plan });
            })(),
          ),
        count: () => Promise.reject(new Error('nobody counts here')),
      },
    }),
  );
  const network = networkOf(plan, undefined).whole;
  const records: AttemptRecord[] = [];
  const enough = new AbortController();
  try {
    const run = executeRun({
      ...{ runId: RUN, plan, identity, roster, clock, boxKeys: createAgreementKeyPair() },
      initialWeights: initialWeights(network, plan.seed),
      manifest: manifestOf(network),
      gateway: transport.gateway,
      track: (work) => clock.track(work),
      journal: { append: () => Promise.resolve() },
      evaluate: () => Promise.resolve({ loss: 1, score: undefined, metrics: {} }),
      signal: enough.signal,
      hooks: {
        attempt: (record) => {
          if (records.push(record) === rounds) enough.abort();
        },
      },
    });
    await clock.runUntil(run);
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
    for (const bench of benches) await bench.dispose();
  }
  return records.flatMap((record) => (record.outcome === 'published' ? [record.modelHash] : []));
}
