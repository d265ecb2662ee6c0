import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  countsTold,
  refusedIn,
  startSiteTeller,
  type SiteTeller,
} from '../../../client/agent/site-teller.ts';
import type { SiteFolder } from '../../../client/config.ts';
import type { SiteAct } from '../../../client/ledger/acts.ts';
import { SiteLedger } from '../../../client/ledger/ledger-file.ts';
import { sitePolicySchema, type SitePolicy } from '../../../client/session/policy.ts';
import { systemClock, type Clock } from '../../../shared/clock.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { planHashSchema, siteIdSchema } from '../../../shared/ids.ts';
import {
  isFreshAbout,
  siteAboutRequestSchema,
  type SiteAboutRequest,
} from '../../../shared/protocol/site-about.ts';

const north = siteIdSchema.parse('north');
const [one, two] = ['1', '2'].map((digit) => planHashSchema.parse(digit.repeat(128))) as [
  ReturnType<typeof planHashSchema.parse>,
  ReturnType<typeof planHashSchema.parse>,
];
const manifest = {
  ...{ imageCount: 412, patientCount: 7 },
  classes: [
    { name: 'left', images: 400, patients: 6 },
    { name: 'right', images: 12, patients: 1 },
  ],
};

describe('the counts that are told', () => {
  it('are what the policy discloses: their order of magnitude by default', () => {
    expect(countsTold(manifest)).toEqual({ images: { low: 100, high: 999 }, patients: { low: 0, high: 9 } });
    expect(countsTold(manifest, 'none')).toBeUndefined();
    expect(countsTold(undefined, 'exact')).toBeUndefined();
    expect(countsTold(manifest, 'exact')).toEqual({
      ...{ images: { low: 412, high: 412 }, patients: { low: 7, high: 7 } },
      classes: [
        { name: 'left', images: 400 },
        { name: 'right', images: 12 },
      ],
    });
  });
});

describe('a site', () => {
  let root: string;
  let server: Server;
  let status: number;
  let received: SiteAboutRequest[];
  let teller: SiteTeller | undefined;
  let policy: SitePolicy;
  let waiting: (() => void)[];
  let entered: SiteAct[];
  const identity = createIdentity();
  const clock: Clock = {
    ...systemClock,
    schedule: (delayMs, action) => {
      // The deadline of a request is the system's; the next round of telling is the test's.
      if (delayMs !== 15_000) return systemClock.schedule(delayMs, action);
      waiting.push(action);
      return () => undefined;
    },
  };
  let folder: SiteFolder;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'consilium-teller-'));
    [received, waiting, entered, status] = [[], [], [], 204];
    policy = sitePolicySchema.parse({ approvedPlans: [one] });
    server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        if (status === 204) received.push(siteAboutRequestSchema.parse(JSON.parse(text)));
        response.statusCode = status;
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const url = `http://127.0.0.1:${String(port)}`;
    folder = {
      ...{ path: root, identity },
      config: { siteId: north, engine: 'onnx', coordinator: { url, federationId: 'f', key: '0'.repeat(64) } },
    };
  });
  afterEach(async () => {
    await teller?.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(root, { recursive: true });
  });

  const start = (): SiteTeller => {
    teller = startSiteTeller({
      enter: (act) => {
        entered.push(act);
        return Promise.resolve();
      },
      folder,
      clock,
      reach: { url: folder.config.coordinator.url },
      policy: () => policy,
    });
    return teller;
  };
  /** Resolves when it waits for the next time. */
  const told = () => expect.poll(() => waiting.length).toBe(1);
  const next = async (): Promise<void> => {
    waiting.shift()?.();
    await told();
  };

  it('signs what it tells, and tells it again only when it has changed', async () => {
    writeFileSync(
      join(root, 'cohort.json'),
      JSON.stringify({
        ...manifest,
        ...{ source: 'x', time: '2026-01-01T00:00:00.000Z', synthetic: true, rejected: [], files: [] },
        digest: '0'.repeat(128),
      }),
    );
    const running = start();
    await told();
    expect(received).toHaveLength(1);
    const [first] = received;
    if (!first) throw new Error('nothing was told');
    expect(isFreshAbout(first, identity.publicKey, 'f', systemClock)).toBe(true);
    expect(isFreshAbout(first, identity.publicKey, 'another', systemClock)).toBe(false);
    expect(isFreshAbout({ ...first, about: {} }, identity.publicKey, 'f', systemClock)).toBe(false);
    expect(first.about).toMatchObject({
      ...{ program: { engine: 'onnx' }, counts: { images: { low: 100, high: 999 } } },
      ...{ approvedPlans: [one], refusedPlans: [] },
    });
    expect(entered).toMatchObject([{ kind: 'told', what: ['program', 'counts', 'decisions'] }]);
    await next();
    expect(received).toHaveLength(1);
    expect(entered).toHaveLength(1);
    policy = { ...policy, approvedPlans: [one, two] };
    running.trainedOn('NVIDIA H200');
    await next();
    expect(received[1]?.about).toMatchObject({
      program: { device: 'NVIDIA H200' },
      approvedPlans: [one, two],
    });
  });

  it('tells nothing that its policy keeps', async () => {
    policy = { ...policy, disclosesDecisions: false, disclosesProgram: false, disclosedCounts: 'none' };
    start();
    await told();
    expect(received[0]?.about).toEqual({});
    expect(entered).toMatchObject([{ what: [], payloadBytes: 2 }]);
  });

  it('tells later what the coordinator did not take', async () => {
    status = 403;
    start();
    await told();
    expect(received).toEqual([]);
    status = 204;
    await next();
    expect(received).toHaveLength(1);
  });

  it('knows from its ledger which plans somebody there does not want', async () => {
    const ledger = new SiteLedger({ folder: root, identity, clock });
    const approved = { rosterHash: '0'.repeat(128), siteCount: 3 };
    await ledger.enter({ kind: 'planRefused', planHash: one });
    await ledger.enter({ kind: 'planWithdrawn', planHash: two });
    expect(await refusedIn(root)).toEqual([one, two]);
    await ledger.enter({ kind: 'planApproved', planHash: one, ...approved });
    start();
    await told();
    expect(received[0]?.about.refusedPlans).toEqual([two]);
    writeFileSync(join(root, 'ledger.jsonl'), 'damaged "planRefused"\n{"event":{"kind":"planRefused"}}\n');
    expect(await refusedIn(root)).toEqual([]);
  });
});
