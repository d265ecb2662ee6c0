import { expect, it } from 'vitest';
import { startSiteAgent } from '../../../client/session/agent.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { signStatement } from '../../../shared/crypto/statement.ts';
import { modelHashOf } from '../../../shared/protocol/model-hash.ts';
import { encodeModel } from '../../../shared/protocol/model-payload.ts';
import { encodeCoordinatorMessage } from '../../../shared/protocol/codec.ts';
import type { RoundContext } from '../../../shared/protocol/messages.ts';
import { hashPlan } from '../../../shared/protocol/plan.ts';
import { announceStatement, trainStatement } from '../../../shared/protocol/signatures.ts';
import type { LinkHandlers } from '../../../shared/protocol/transport.ts';
import { contextOf, planOf, sites } from '../../coordinator/fixtures.ts';

it('policy and roster are read for a round that the coordinator has announced, and for no other', async () => {
  const plan = planOf();
  const weights = new Float32Array(plan.parameterCount);
  const at = (round: number): RoundContext => contextOf(plan, { round, modelHash: modelHashOf(weights) });
  const coordinator = createIdentity();
  const [siteId] = sites('a');
  if (siteId === undefined) throw new Error('there is a site');
  let handlers: LinkHandlers | undefined;
  let readings = 0;
  let trained = 0;
  const answers: string[] = [];
  let policy = { approvedPlans: [hashPlan(plan)], minimumCohort: 2 };
  const agent = startSiteAgent({
    ...{ siteId, identity: createIdentity(), coordinatorKey: coordinator.publicKey, policy },
    link: {
      listen: (given) => {
        handlers = given;
      },
      send: ({ header }) => {
        answers.push(/"type":"([a-z-]+)"/.exec(header)?.[1] ?? '');
      },
      close: () => undefined,
    },
    trainer: {
      train: () => {
        trained++;
        return Promise.reject(new Error('is not what this is about'));
      },
    },
    terms: () => {
      readings++;
      return { policy };
    },
  });
  const announce = async (context: RoundContext, signer = coordinator): Promise<void> => {
    const message = { context, plan, cohort: sites('a', 'b', 'c'), boxKey: '0'.repeat(64) };
    const { purpose, fields } = announceStatement(message);
    const signature = signStatement(signer, purpose, fields);
    handlers?.frame(encodeCoordinatorMessage({ type: 'announce', ...message, signature }));
    await new Promise(setImmediate);
  };
  const train = async (context: RoundContext): Promise<void> => {
    const message = { context, cohort: sites('a', 'b', 'c') };
    const { purpose, fields } = trainStatement(message);
    const signature = signStatement(coordinator, purpose, fields);
    const payload = encodeModel(weights);
    handlers?.frame(encodeCoordinatorMessage({ type: 'train', ...message, signature, payload }));
    await new Promise(setImmediate);
  };
  const other = createIdentity();
  await announce(at(1), other);
  expect([readings, answers]).toEqual([0, []]);
  await announce(at(1));
  await announce(at(2), other);
  expect([readings, answers]).toEqual([1, ['advertise']]);
  // Of the round that it is in, nothing is read again.
  await announce(at(1));
  expect([readings, answers]).toEqual([1, ['advertise', 'advertise']]);
  await announce(at(2));
  expect([readings, answers]).toEqual([2, ['advertise', 'advertise', 'advertise']]);
  // Refused by what holds now, it changes nothing in the round in hand, which still has enough sites for its policy.
  policy = { ...policy, minimumCohort: 9 };
  await announce(at(3));
  expect([readings, answers.at(-1)]).toEqual([3, 'refuse']);
  await train(at(2));
  await agent.stop();
  expect(trained).toBe(1);
});
