/**
 * The sites of `bench:coordinator`, all in one process: the agents of production with their handshakes, signatures, boxes
 * and masks, that do not train. What all of them would find out alike is found out once.
 */
import { startSiteAgent } from '../../client/session/agent.ts';
import type { LocalTrainer } from '../../client/training/local-update.ts';
import { createSocketLink } from '../../client/transport/socket-link.ts';
import { systemClock } from '../../shared/clock.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { hashPlan } from '../../shared/protocol/plan.ts';
import { TransferSlots } from '../../shared/protocol/transfer-slots.ts';
import type { CoordinatorLink } from '../../shared/protocol/transport.ts';
import { onceReceived, onceVerified } from '../../simulations/virtual/federation.ts';
import { loadPlan, loadSites, type Load, type LoadPlace } from './coordinator-load.ts';

/** So that the connections do not all begin in the same moment, as those of real hospitals do not. */
const BACKOFF = { firstMs: 200, longestMs: 2000 };

/** Every site moves each weight by a number of its own. */
const trainerOf = (index: number): LocalTrainer => ({
  train: ({ weights }) =>
    Promise.resolve({
      exampleCount: 10 + (index % 90),
      meanLoss: 1,
      delta: new Float32Array(weights.length).fill(1e-3 * ((index % 7) - 3)),
    }),
});

/**
 * Messages are heeded one after the other, with a breath in between: the work of all sites at once, minutes of it, would
 * leave heartbeats unanswered, which no single hospital does.
 */
function pacing(): (link: CoordinatorLink) => CoordinatorLink {
  let last: Promise<void> = Promise.resolve();
  const inTurn = (heed: () => void): void => {
    last = last.then(
      () =>
        new Promise((resolve) => {
          systemClock.schedule(0, () => {
            heed();
            resolve();
          });
        }),
    );
  };
  return (link) => ({
    send: (frame) => {
      link.send(frame);
    },
    close: () => {
      link.close();
    },
    listen: (handlers) => {
      link.listen({
        ...handlers,
        frame: (frame) => {
          inTurn(() => {
            handlers.frame(frame);
          });
        },
      });
    },
  });
}

async function connectSites(load: Load, place: LoadPlace): Promise<void> {
  const plan = loadPlan(load);
  const sites = loadSites(load.siteCount);
  const roster = new Map(sites.map(({ siteId, identity }) => [siteId, identity.publicKey]));
  const policy = { approvedPlans: [hashPlan(plan)], minimumCohort: load.siteCount };
  const shared = {
    ...{ roster, policy, coordinatorKey: fromHex(place.coordinatorKey) },
    ...{ verify: onceVerified(), receive: onceReceived(), slots: new TransferSlots<object>(4) },
  };
  const { url, federationId } = place;
  const paced = pacing();
  const agents = sites.map(({ siteId, identity }, index) =>
    startSiteAgent({
      ...{ siteId, identity, ...shared, trainer: trainerOf(index) },
      link: paced(createSocketLink({ url, federationId, siteId, identity, backoff: BACKOFF })),
      report: (report) => {
        if (report.kind === 'refused' || report.kind === 'trainingFailed')
          process.stderr.write(
            `${siteId}: ${report.kind}, ${'reason' in report ? report.reason : report.message}\n`,
          );
      },
    }),
  );
  await new Promise<void>((resolve) => {
    process.once('disconnect', resolve);
  });
  await Promise.all(agents.map((agent) => agent.stop()));
}

process.once('message', ({ load, place }: { readonly load: Load; readonly place: LoadPlace }) => {
  void connectSites(load, place);
});
