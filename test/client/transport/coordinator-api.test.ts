import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { askHealth, fetchInitialModel } from '../../../client/transport/coordinator-api.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { initialModelSchema } from '../../../shared/protocol/initial-model.ts';

let server: Server;
let url = '';
/** When the first byte of an answer has been sent, and no more comes. */
let begun: Promise<unknown>;
beforeEach(async () => {
  server = createServer();
  begun = new Promise<void>((resolve) => {
    server.on('request', (_request, response) => {
      response.write('{', () => {
        resolve();
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = z.object({ port: z.int() }).parse(server.address());
  url = `http://127.0.0.1:${String(port)}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

describe('an answer that does not end', () => {
  it('is given up at the deadline, however slowly it comes', async () => {
    let deadline: () => void = () => undefined;
    let cancelled = 0;
    const clock = {
      schedule: (delayMs: number, act: () => void) => {
        expect(delayMs).toBeGreaterThanOrEqual(60_000);
        deadline = act;
        return () => {
          cancelled++;
        };
      },
    };
    const asked = askHealth({ url, clock });
    await begun;
    deadline();
    await expect(asked).rejects.toThrow('no whole answer within 60 s');
    expect(cancelled).toBe(1);
  });

  it('is given up when the round is', async () => {
    const stop = new AbortController();
    const model = initialModelSchema.parse({ sha512: '0'.repeat(128), byteLength: 10, trainableCount: 1 });
    const coordinator = { url, federationId: 'f', key: 'a'.repeat(64) };
    const siteId = siteIdSchema.parse('north');
    const asked = fetchInitialModel({ url }, { siteId, coordinator }, createIdentity(), {
      ...{ model, clock: { nowMs: () => 0 }, signal: stop.signal },
    });
    await begun;
    stop.abort();
    await expect(asked).rejects.toThrow('aborted');
  });
});
