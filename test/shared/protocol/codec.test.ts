import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeCoordinatorMessage,
  decodeSiteMessage,
  encodeCoordinatorMessage,
  encodeSiteMessage,
  MAX_HEADER_CHARS,
} from '../../../shared/protocol/codec.ts';
import type { CoordinatorMessage, SiteMessage } from '../../../shared/protocol/messages.ts';
import {
  decodeUpdate,
  encodeUpdate,
  modelBytes,
  sealedUpdateBytes,
  updateBytes,
} from '../../../shared/protocol/update-payload.ts';
import { contextOf, modelHash, planOf, site, sites } from '../../coordinator/fixtures.ts';

const plan = planOf();
const context = contextOf(plan);
const signature = '0'.repeat(128);
const payload = Uint8Array.of(1, 2, 3, 4);

const fromCoordinator: CoordinatorMessage[] = [
  { type: 'announce', context, plan, cohort: sites('a', 'b'), boxKey: 'f'.repeat(64), signature },
  { type: 'train', context, cohort: sites('a'), signature, payload },
  { type: 'ack', context, of: 'update', result: { status: 'rejected', reason: 'non-finite' }, signature },
  { type: 'published', context, newModelHash: modelHash('b'), survivorCount: 2, signature },
  { type: 'aborted', context, reason: 'stopped', signature },
];
const fromSite: SiteMessage[] = [
  { type: 'advertise', context, siteId: site('a'), signature },
  { type: 'refuse', context, siteId: site('a'), reason: 'plan-not-approved', signature },
  { type: 'progress', context, siteId: site('a'), steps: 12, signature },
  { type: 'anchor', context, siteId: site('a'), ledger: { entries: 3, hash: '1'.repeat(128) }, signature },
  { type: 'update', context, siteId: site('a'), signature, payload },
];

describe('the codec', () => {
  it.each(fromCoordinator)('carries $type to a site', (message) => {
    const decoded = decodeCoordinatorMessage(encodeCoordinatorMessage(message), 4);
    expect(decoded).toEqual({ ok: true, message });
  });

  it.each(fromSite)('carries $type to the coordinator', (message) => {
    expect(decodeSiteMessage(encodeSiteMessage(message), 4)).toEqual({ ok: true, message });
  });

  it('refuses a payload or header beyond the limit before it parses anything', () => {
    const header = 'x'.repeat(MAX_HEADER_CHARS + 1);
    expect(decodeSiteMessage({ header }, 4)).toMatchObject({ ok: false, reason: 'oversize' });
    const update = encodeSiteMessage({ type: 'update', context, siteId: site('a'), signature, payload });
    expect(decodeSiteMessage(update, 3)).toMatchObject({ ok: false, reason: 'oversize' });
  });

  const advertise = { type: 'advertise', context, siteId: 'a', signature };
  it.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['null', 'null'],
    ['an unknown type', JSON.stringify({ ...advertise, type: 'hello' })],
    ['an unknown key', JSON.stringify({ ...advertise, admin: true })],
    ['a missing key', JSON.stringify({ ...advertise, signature: undefined })],
    ['a prototype', JSON.stringify(advertise).replace('{', '{"__proto__":{"x":1},')],
    [
      'a nested prototype',
      JSON.stringify(advertise).replace('"context":{', '"context":{"__proto__":{"x":1},'),
    ],
    ['round −1', JSON.stringify({ ...advertise, context: { ...context, round: -1 } })],
    ['a fractional round', JSON.stringify({ ...advertise, context: { ...context, round: 1.5 } })],
    ['a payload inside the header', JSON.stringify({ ...advertise, type: 'update', payload: {} })],
    [
      'a message of the other direction',
      JSON.stringify({ type: 'aborted', context, reason: 'stopped', signature }),
    ],
  ])('refuses %s', (_, header) => {
    expect(decodeSiteMessage({ header }, 4)).toMatchObject({ ok: false, reason: 'malformed' });
  });

  it('refuses a payload where none belongs, and its absence where one does', () => {
    const header = JSON.stringify(advertise);
    expect(decodeSiteMessage({ header, payload }, 4)).toMatchObject({ ok: false, reason: 'malformed' });
    const bare = JSON.stringify({ ...advertise, type: 'update' });
    expect(decodeSiteMessage({ header: bare }, 4)).toMatchObject({ ok: false, reason: 'malformed' });
  });

  it('never throws, whatever the header', () => {
    const anything = fc.oneof(fc.string(), fc.json());
    fc.assert(
      fc.property(anything, (header) => {
        expect(decodeSiteMessage({ header }, 4).ok).toBe(false);
        expect(decodeCoordinatorMessage({ header }, 4).ok).toBe(false);
      }),
    );
  });
});

describe('the plaintext of an update', () => {
  const update = { exampleCount: 300, meanLoss: 0.5, delta: Float32Array.of(1, -2, 0.25) };

  it('comes back as it was, at any offset of its buffer', () => {
    const bytes = encodeUpdate(update);
    expect(bytes).toHaveLength(24 + 12);
    expect([...bytes.subarray(0, 4)]).toEqual([44, 1, 0, 0]);
    const shifted = new Uint8Array(37);
    shifted.set(bytes, 1);
    expect(decodeUpdate(shifted.subarray(1), 3)).toEqual({ ok: true, update, largest: 2 });
  });

  it('is refused with another number of values or without examples', () => {
    const bytes = encodeUpdate(update);
    expect(decodeUpdate(bytes, 4)).toEqual({ ok: false, reason: 'wrong-shape' });
    expect(decodeUpdate(bytes.subarray(1), 3)).toEqual({ ok: false, reason: 'wrong-shape' });
    expect(decodeUpdate(new Uint8Array(36), 3)).toEqual({ ok: false, reason: 'wrong-shape' });
    for (const exampleCount of [0, -1, 1.5, 2 ** 32])
      expect(() => encodeUpdate({ ...update, exampleCount })).toThrow('examples');
  });

  it.each([Number.NaN, Infinity, -Infinity])('is refused with %s anywhere', (bad) => {
    for (let i = 0; i < 3; i++) {
      const delta = update.delta.with(i, bad);
      expect(decodeUpdate(encodeUpdate({ ...update, delta }), 3)).toEqual({
        ok: false,
        reason: 'non-finite',
      });
    }
    const lossy = encodeUpdate({ ...update, meanLoss: bad });
    expect(decodeUpdate(lossy, 3)).toEqual({ ok: false, reason: 'non-finite' });
  });

  it('carries the sums of local validation, which must fit together', () => {
    const validated = { ...update, validation: { exampleCount: 7, correctCount: 5, lossSum: 1.1 } };
    expect(decodeUpdate(encodeUpdate(validated), 3)).toEqual({ ok: true, update: validated, largest: 2 });
    const boastful = { ...validated, validation: { ...validated.validation, correctCount: 8 } };
    expect(decodeUpdate(encodeUpdate(boastful), 3)).toEqual({ ok: false, reason: 'wrong-shape' });
    const endless = { ...validated, validation: { ...validated.validation, lossSum: Infinity } };
    expect(decodeUpdate(encodeUpdate(endless), 3)).toEqual({ ok: false, reason: 'non-finite' });
  });

  it('has a second vector where the strategy sends one', () => {
    const two = { ...update, controlDelta: Float32Array.of(4, 5, -6) };
    const bytes = encodeUpdate(two);
    expect(decodeUpdate(bytes, 3, 2)).toEqual({ ok: true, update: two, largest: 6 });
    expect(decodeUpdate(bytes, 3)).toEqual({ ok: false, reason: 'wrong-shape' });
    expect(decodeUpdate(encodeUpdate(update), 3, 2)).toEqual({ ok: false, reason: 'wrong-shape' });
    const broken = encodeUpdate({ ...two, controlDelta: Float32Array.of(0, 0, Number.NaN) });
    expect(decodeUpdate(broken, 3, 2)).toEqual({ ok: false, reason: 'non-finite' });
    expect(sealedUpdateBytes(100, 2)).toBe(32 + 24 + 16 + 24 + 800);
  });

  it('has the length on the wire that the plan fixes', () => {
    expect(sealedUpdateBytes(100)).toBe(32 + 24 + 16 + 24 + 400);
    expect(modelBytes(100)).toBe(400);
    expect(updateBytes('box', 100)).toBe(sealedUpdateBytes(100));
    expect(updateBytes('plain', 100)).toBe(encodeUpdate({ ...update, delta: new Float32Array(100) }).length);
  });
});
