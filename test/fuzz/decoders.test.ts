import fc from 'fast-check';
import { expect, it } from 'vitest';
import { coordinatorMessageSchema, siteMessageSchema } from '../../shared/protocol/messages.ts';
import { DECODERS, faultOf, FROM_COORDINATOR, FROM_SITES } from './decoders.ts';
import { rngOf } from './mutate.ts';

/** Another seed is another hundred thousand inputs; `npm run test:long` tries a million more. */
const SEED = 20_260_101;
const INPUTS = 105_000;
const each = Math.ceil(INPUTS / DECODERS.length);

it('tries a hundred thousand inputs at least', () => {
  expect(each * DECODERS.length).toBeGreaterThanOrEqual(100_000);
});

it('knows every type of message, and begins with valid ones', () => {
  const typesOf = (messages: readonly { readonly type: string }[]) =>
    new Set(messages.map(({ type }) => type));
  const known = (schema: {
    readonly options: readonly { readonly shape: { readonly type: { readonly value: string } } }[];
  }) => new Set(schema.options.map(({ shape }) => shape.type.value));
  expect(typesOf(FROM_SITES)).toEqual(known(siteMessageSchema));
  expect(typesOf(FROM_COORDINATOR)).toEqual(known(coordinatorMessageSchema));
  for (const message of FROM_SITES) expect(siteMessageSchema.safeParse(message).error).toBeUndefined();
  for (const message of FROM_COORDINATOR)
    expect(coordinatorMessageSchema.safeParse(message).error).toBeUndefined();
});

it('sees a decoder that fails, and damages inputs to any extent', () => {
  const bug = { name: 'bug', attempt: () => Object.keys(JSON.parse('null') as object) };
  expect(faultOf(bug, rngOf(1))).toContain('TypeError');
  const messages = DECODERS.find(({ name }) => name === 'messages of sites');
  const outcomes = Array.from({ length: 1000 }, (_, i) => JSON.stringify(messages?.attempt(rngOf(i))));
  const accepted = outcomes.filter((outcome) => outcome.includes('"ok":true')).length;
  expect(accepted).toBeGreaterThan(20);
  expect(accepted).toBeLessThan(500);
});

it.each(DECODERS.map((decoder) => [decoder.name, decoder] as const))(
  `%s: no damaged input makes the decoder fail (seed ${String(SEED)})`,
  (_, decoder) => {
    const property = fc.property(fc.nat(), (number) => {
      expect(faultOf(decoder, rngOf(number))).toBeUndefined();
    });
    fc.assert(property, { seed: SEED, numRuns: each });
  },
);
