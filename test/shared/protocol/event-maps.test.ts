import { describe, expect, it } from 'vitest';
import { encodeSiteMessage, type Frame } from '../../../shared/protocol/codec.ts';
import {
  CLIENT_TO_SERVER,
  clientToServerHandlers,
  eventOf,
  SERVER_TO_CLIENT,
  serverToClientHandlers,
} from '../../../shared/protocol/event-maps.ts';
import { contextOf, planOf, site } from '../../coordinator/fixtures.ts';

describe('the events of a connection', () => {
  it('are the types of the messages, each with a handler and no other', () => {
    const ignore = (): void => undefined;
    expect(Object.keys(serverToClientHandlers(ignore)).sort()).toEqual([...SERVER_TO_CLIENT].sort());
    expect(Object.keys(clientToServerHandlers(ignore)).sort()).toEqual([...CLIENT_TO_SERVER].sort());
  });

  it('carry a frame whole and give a receipt after it was taken', () => {
    const order: unknown[] = [];
    const payload = Uint8Array.of(1, 2);
    const context = contextOf(planOf());
    const signature = '0'.repeat(128);
    const frame = encodeSiteMessage({ type: 'update', context, siteId: site('a'), signature, payload });
    const event = eventOf(CLIENT_TO_SERVER, frame);
    expect(event).toBe('update');
    const handlers = clientToServerHandlers((taken: Frame) => order.push(taken));
    handlers.update(frame.header, payload, () => order.push('receipt'));
    handlers.refuse('{}', null, () => order.push('receipt'));
    expect(order).toEqual([frame, 'receipt', { header: '{}' }, 'receipt']);
  });

  it('are unknown for a header of another direction or no type', () => {
    expect(eventOf(CLIENT_TO_SERVER, { header: '{"type":"train"}' })).toBeUndefined();
    expect(eventOf(SERVER_TO_CLIENT, { header: '{"kind":"train"}' })).toBeUndefined();
    expect(eventOf(SERVER_TO_CLIENT, { header: '{"type":"trainer"}' })).toBeUndefined();
  });
});
