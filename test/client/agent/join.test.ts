/** A site that is not let in: each refusal says why and what to do, and leaves a folder with which it can try again. */
import { readFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { joinFederation } from '../../../client/agent/join.ts';
import { isEnrolled, openSiteFolder, siteIdentity } from '../../../client/config.ts';
import { SiteRegistry } from '../../../coordinator/storage/site-registry.ts';
import { systemClock } from '../../../shared/clock.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { fingerprintOf } from '../../../shared/crypto/fingerprint.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { writeInvitation, type Invitation } from '../../../shared/protocol/enrolment.ts';
import { SmallFederation } from '../../coordinator/faults/small-federation.ts';

const siteId = siteIdSchema.parse('north');
const HOUR_MS = 3_600_000;
const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url));

let root: string;
let dir: string;
let federation: SmallFederation;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'consilium-join-'));
  dir = join(root, 'site');
  federation = await SmallFederation.create(1);
  await federation.start();
});
afterEach(async () => {
  await federation.remove();
  rmSync(root, { recursive: true, force: true });
});

/** @param agoMs when it was made; it works for an hour */
async function invite(change: Partial<Invitation> = {}, agoMs = 0): Promise<string> {
  const clock = { nowMs: () => systemClock.nowMs() - agoMs };
  const token = await federation.inDatabase((database) =>
    new SiteRegistry(database, clock).invite(siteId, HOUR_MS),
  );
  const { config, identity } = federation.folder;
  const fingerprint = fingerprintOf(identity.publicKey);
  return writeInvitation({ url: config.url, siteId, fingerprint, token, ...change });
}

describe('a site that wants to join', () => {
  it('goes no further where the coordinator has another key than the invitation', async () => {
    const fingerprint = fingerprintOf(createIdentity().publicKey);
    await expect(joinFederation(dir, await invite({ fingerprint }), {})).rejects.toThrow(
      'does not have the key of the invitation: do not go on',
    );
    expect(isEnrolled(dir)).toBe(false);
  });

  it.each([
    [
      'has been used',
      async () => {
        const code = await invite();
        const other = `${dir}-other`;
        await joinFederation(other, code, {});
        rmSync(other, { recursive: true });
        return code;
      },
    ],
    ['has expired', () => invite({}, HOUR_MS + 1000)],
    ['nobody has made', () => invite({ token: 'a'.repeat(43) })],
  ])(
    'is told to ask for a new invitation where its own %s, and joins with that one',
    async (what, makeCode) => {
      const code = await makeCode();
      await expect(joinFederation(dir, code, {})).rejects.toThrow(
        'this invitation is unknown, used or expired: ask for a new one',
      );
      expect(isEnrolled(dir)).toBe(false);
      // The key is made once: the fingerprint that was read to somebody stays the same.
      const { publicKey } = siteIdentity(dir);
      if (what === 'has been used') return;
      const joined = await joinFederation(dir, await invite(), {});
      expect(joined.fingerprint).toBe(fingerprintOf(publicKey));
      expect(openSiteFolder(dir).config).toMatchObject({ siteId });
    },
  );

  it('does not speak to a coordinator whose certificate another authority has signed', async () => {
    let asked = 0;
    const tls = {
      key: readFileSync(fixture('localhost-key')),
      cert: readFileSync(fixture('localhost-cert')),
    };
    const server = createServer(tls, (_request, response) => {
      asked++;
      response.end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    try {
      // A server that listens on TCP has such an address.
      const { port } = server.address() as AddressInfo;
      const code = await invite({ url: `https://localhost:${String(port)}` });
      for (const authority of [undefined, fixture('other-cert')]) {
        await expect(joinFederation(dir, code, { authority })).rejects.toThrow(
          /is signed by an authority that this machine does not know: give its PEM file .* --authority/,
        );
        expect([asked, isEnrolled(dir)]).toEqual([0, false]);
      }
      // With the right one it asks, and is answered something that no coordinator says.
      await expect(joinFederation(dir, code, { authority: fixture('localhost-cert') })).rejects.toThrow(
        'is no coordinator of this version',
      );
      expect(asked).toBe(1);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it.each([
    ['is cut short', (code: string) => code.slice(0, -10)],
    ['is another text', () => 'consilium'],
  ])('says of an invitation that %s that it is incomplete', async (_, change) => {
    await expect(joinFederation(dir, change(await invite()), {})).rejects.toThrow(
      'this is no complete invitation',
    );
  });
});
