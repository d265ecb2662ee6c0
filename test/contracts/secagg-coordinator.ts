/**
 * A coordinator that cheats: it may say anything to anyone and sign it. In each case the site that it cheats refuses, says
 * why, and has revealed nothing that belongs to the cheat.
 */
import { describe, expect, it } from 'vitest';
import { modelHashSchema } from '../../shared/ids.ts';
import { encodeCoordinatorMessage } from '../../shared/protocol/codec.ts';
import { hashSites } from '../../shared/protocol/masking-context.ts';
import type { Advertisement } from '../../shared/protocol/masking-messages.ts';
import type { CoordinatorMessage } from '../../shared/protocol/messages.ts';
import { answersOf, changeEntry, cheat, passed, VICTIM } from './secagg-cheating.ts';
import { COORDINATOR_CASES } from './secagg-coordinator-cases.ts';
import { runSecagg, site, type TransportFactory } from './secagg-world.ts';

export function secaggCoordinatorContract(name: string, factory: TransportFactory): void {
  describe(`secure aggregation, a malicious coordinator: ${name}`, () => {
    it.each(COORDINATOR_CASES)('$name: $reason', async ({ options, reason, answers }) => {
      const federation = { minimumCohort: 4 };
      const outcome = await runSecagg(factory, { federation, ...options });
      expect(outcome.refusalsOf('a')).toEqual([reason]);
      expect(answersOf(outcome, 'a')).toEqual(answers);
    });

    it('a split view of the survivors: nobody reveals anything for it', async () => {
      // The victim is told of other survivors; the coordinator books its signature as one over the true ones.
      const outcome = await runSecagg(factory, {
        tamperDown: cheat('survivors', (message) => ({
          ...message,
          survivors: message.survivors.slice(0, 4),
        })),
        tamperUp: (siteId, message, world) => {
          if (siteId !== VICTIM || message.type !== 'consistent') return undefined;
          const survivorsHash = hashSites(['a', 'b', 'c', 'd', 'e'].map(site));
          return [world.resignSite({ ...message, survivorsHash })];
        },
      });
      expect(outcome.refusalsOf('a')).toEqual(['too-few-signatures']);
      expect(answersOf(outcome, 'a')).not.toContain('unmasked');
    });

    it('a site that survives for some and has dropped for others: the second list is refused', async () => {
      const outcome = await runSecagg(factory, {
        tamperDown: (siteId, message, world) =>
          siteId === VICTIM && message.type === 'unmask'
            ? [
                world.resign(siteId, {
                  ...{ type: 'survivors', context: message.context, signature: message.signature },
                  survivors: ['a', 'b', 'c', 'd'].map(site),
                }),
                message,
              ]
            : undefined,
      });
      expect(outcome.refusalsOf('a')).toEqual(['sites-changed']);
      expect(answersOf(outcome, 'a')).not.toContain('unmasked');
    });

    it('a second unmasking: a repeated round with one site fewer is refused by all who have answered', async () => {
      const outcome = await runSecagg(factory, {
        afterwards: async (world) => {
          const announced = world.down.find(({ message }) => message.type === 'announce')?.message;
          if (announced?.type !== 'announce') throw new Error('nothing was announced');
          const again: CoordinatorMessage = {
            ...announced,
            context: { ...announced.context, attempt: 2 },
            cohort: announced.cohort.slice(1),
          };
          for (const siteId of again.cohort)
            world.transport.gateway.send(siteId, encodeCoordinatorMessage(world.resign(siteId, again)));
          await passed(world);
        },
      });
      expect(outcome.records).toMatchObject([{ outcome: 'published' }]);
      for (const name of ['b', 'c', 'd', 'e']) expect(outcome.refusalsOf(name)).toEqual(['already-unmasked']);
    });

    it('the same unmasking asked for again gets the same shares and no others', async () => {
      const outcome = await runSecagg(factory, {
        tamperDown: (_, message) => (message.type === 'unmask' ? [message, message] : undefined),
      });
      const revealed = outcome.world.up.filter(
        ({ siteId, message }) => siteId === 'a' && message.type === 'unmasked',
      );
      expect(outcome.records).toMatchObject([{ outcome: 'published' }]);
      expect(revealed.length).toBe(2);
    });

    it('keys of another round, or for another model, are nobody’s keys', async () => {
      const old: Advertisement[] = [];
      const outcome = await runSecagg(factory, {
        rounds: 2,
        federation: { minimumCohort: 4 },
        tamperDown: (siteId, message, world) => {
          if (message.type !== 'share-keys') return undefined;
          if (message.context.round === 1) {
            if (old.length === 0) old.push(...message.advertisements);
            return undefined;
          }
          const replayed = old.find((entry) => entry.siteId === 'b');
          if (siteId !== VICTIM || !replayed) return undefined;
          return [
            world.resign(
              siteId,
              changeEntry(message, 'b', () => replayed),
            ),
          ];
        },
      });
      expect(outcome.refusalsOf('a')).toEqual(['bad-peer-signature']);

      const models = await runSecagg(factory, {
        federation: { minimumCohort: 4 },
        tamperDown: cheat('announce', (message) => ({
          ...message,
          context: { ...message.context, modelHash: modelHashSchema.parse('b'.repeat(128)) },
        })),
      });
      // What the victim signs is about the other model: the coordinator has no use for it.
      expect(models.records[0]?.dropped).toMatchObject([{ siteId: 'a', reason: 'wrong-context' }]);
    });

    it('rewrites history: the next round does not build on the last', async () => {
      const outcome = await runSecagg(factory, {
        rounds: 2,
        federation: { minimumCohort: 4 },
        tamperDown: cheat('announce', (message) => {
          const previous = message.masking?.previous;
          if (!message.masking || !previous) return message;
          return {
            ...message,
            masking: { ...message.masking, previous: { ...previous, transcript: '0'.repeat(128) } },
          };
        }),
      });
      expect(outcome.refusalsOf('a')).toEqual(['transcript-mismatch']);
    });
  });
}
