/**
 * `npm run bench:secagg`: what secure aggregation costs, from keys and shares to the unmasked sum, in one process.
 * Options: --rounds N, --workers N, --json.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { systemClock } from '../../shared/clock.ts';
import { agreementOf, createAgreementKeyPair } from '../../shared/crypto/agreement.ts';
import { openSecretBox, sealSecretBox } from '../../shared/crypto/secret-box.ts';
import { dealtBytes, revealedBytes } from '../../shared/protocol/share-payload.ts';
import { createRng, deriveSeed } from '../../shared/rng.ts';
import { encodeContribution, vectorLayout, type VectorLayout } from '../../shared/secagg/masked-vector.ts';
import { applyMasks, removeMasks, unmaskingSeeds } from '../../shared/secagg/masks.ts';
import { createMaskPool } from '../../shared/secagg/parallel-masks.ts';
import {
  addInto,
  newRingVector,
  ringByteLength,
  RING_BITS,
  type RingBits,
} from '../../shared/secagg/ring.ts';
import { shareBoxKey } from '../../shared/secagg/share-keys.ts';
import { splitSecret } from '../../shared/secagg/shares.ts';
import { thresholdOf } from '../../shared/secagg/threshold.ts';
import { finishBench, type BenchRow } from './bench-report.ts';
import { roundsInTurns } from './simulate-runs.ts';
import type { SceneOptions } from './simulate-scene.ts';
import { createScene, freshBytes, leftMasks, reveal, siteMasks, type Scene } from './secagg-scene.ts';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    workers: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'boolean', default: false },
  },
});
const ROUNDS = Number(flags.rounds);
const WORKERS = Number(flags.workers);
const MILLION = 1_000_000;
/** The reference network for images of 28×28. */
const REFERENCE = 224_000;
const COUNTERS = 6;
/** Five signed messages of a round: names, keys, hashes and signatures in JSON. */
const MESSAGE_BYTES = 5 * 1024;

interface Timed {
  /** Milliseconds of each run. */
  readonly wall: number[];
  /** The same in CPU time of all threads: what is left of it on a machine that others use. */
  readonly cpu: number[];
}

/** `ROUNDS` runs after one that warms up. */
async function timed(action: () => unknown, rounds = ROUNDS): Promise<Timed> {
  const samples: Timed = { wall: [], cpu: [] };
  for (let round = 0; round <= rounds; round++) {
    const [start, before] = [systemClock.elapsedMs(), process.cpuUsage()];
    await action();
    const { user, system } = process.cpuUsage(before);
    if (round === 0) continue;
    samples.wall.push(systemClock.elapsedMs() - start);
    samples.cpu.push((user + system) / 1000);
  }
  return samples;
}

function rowsOf(name: string, { wall, cpu }: Timed, atMost?: number): BenchRow[] {
  const bar = atMost === undefined ? {} : { bar: { atMost } };
  return [
    { name, samples: wall, unit: 'ms', digits: 1, ...bar },
    { name: '  the same in CPU time', samples: cpu, unit: 'ms', digits: 1 },
  ];
}

const layoutOf = (bits: RingBits, cohort: number, parameterCount: number): VectorLayout =>
  vectorLayout({ bits, cohort, clipL2Norm: 10, parameterCount, counterCount: COUNTERS });

/** Agreement with every peer, the seeds and the masks. */
async function maskingRows(): Promise<BenchRow[]> {
  const scene = createScene(10);
  const [site] = scene.sites;
  if (!site) return [];
  const rows: BenchRow[] = [];
  for (const bits of RING_BITS) {
    const vector = newRingVector(bits, MILLION);
    const samples = await timed(() => {
      applyMasks(vector, siteMasks(scene, site));
    });
    const name = `a site masks, d = 1M, K = 10, ${String(bits)} bits`;
    rows.push(...rowsOf(name, samples, bits === 32 ? 120 : undefined));
  }
  return rows;
}

/** Everything a site computes in a round of ten at the size of the reference network, but for signatures. */
async function siteRows(): Promise<BenchRow[]> {
  const scene = createScene(10);
  const delta = Float32Array.from({ length: REFERENCE }, (_, i) => Math.sin(i) / 100);
  const layout = layoutOf(32, 10, REFERENCE);
  const samples = await timed(() => siteWork(scene, layout, delta));
  const name = `all cryptography of a site, d = ${String(REFERENCE)}, K = 10: keys, shares, boxes, rounding, masks`;
  return rowsOf(name, samples, 60);
}

async function siteWork(scene: Scene, layout: VectorLayout, delta: Float32Array): Promise<void> {
  const [site, ...peers] = scene.sites;
  if (!site) return;
  const [channel] = [createAgreementKeyPair(), createAgreementKeyPair()];
  await splitSecret(site.b, scene.sites.length, thresholdOf(scene.sites.length));
  await splitSecret(site.keys.secretKey, scene.sites.length, thresholdOf(scene.sites.length));
  const agree = agreementOf(channel.secretKey);
  for (const peer of peers) {
    const shared = agree(peer.keys.publicKey);
    const { context, advertisements } = scene;
    const route = { context, advertisements, source: site.id, destination: peer.id };
    const nonce = freshBytes(24);
    const box = sealSecretBox(shareBoxKey(shared, route), nonce, freshBytes(66));
    // As long as opening a box of the peer's.
    openSecretBox(shareBoxKey(shared, route), nonce, box);
  }
  const randomness = { rng: createRng(deriveSeed('bench')), flattening: deriveSeed('bench') };
  const counters = Array.from({ length: COUNTERS }, () => 1);
  const vector = encodeContribution({ delta, weight: 1, counters }, layout, randomness);
  applyMasks(vector, siteMasks(scene, site));
}

/** From the collected shares to the sum without masks. */
async function unmaskingRows(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const drops of [0, 3]) {
    const scene = createScene(10);
    const shares = await reveal(scene, drops);
    const sum = newRingVector(32, MILLION);
    const samples = await timed(async () => {
      removeMasks(sum, await leftMasks(scene, shares));
    });
    const name = `the coordinator unmasks, d = 1M, K = 10, ${String(drops)} drops`;
    rows.push(...rowsOf(name, samples, drops > 0 ? 300 : undefined));
  }
  return rows;
}

async function largeRows(): Promise<BenchRow[]> {
  const scene = createScene(100);
  const shares = await reveal(scene, 20);
  const sum = newRingVector(32, MILLION);
  const pool = createMaskPool({ workers: WORKERS });
  try {
    const toSeeds = await timed(() => leftMasks(scene, shares), 1);
    const samples = await timed(
      async () => {
        const masks = unmaskingSeeds(await leftMasks(scene, shares));
        addInto(sum, await pool.sum(masks, 32, MILLION));
      },
      Math.min(3, ROUNDS),
    );
    const name = `the coordinator unmasks, d = 1M, K = 100, 20 drops, ${String(WORKERS)} threads`;
    return [...rowsOf(name, samples, 6000), ...rowsOf('of it: from shares to seeds', toSeeds)];
  } finally {
    await pool.close();
  }
}

/** Ten sites with the reference network and 470 images each, five local epochs: a secure round against a plain one. */
async function roundRows(): Promise<BenchRow[]> {
  const scene: SceneOptions = {
    ...{
      siteCount: 10,
      imagesPerSite: 470,
      rounds: ROUNDS + 1,
      epochs: 5,
      batchSize: 32,
      protection: 'plain',
    },
    network: {
      architecture: { name: 'cnn', options: { filters: [16, 32, 64], dense: 64 } },
      imageDims: [1, 28, 28],
      classCount: 2,
    },
    training: { optimizer: { kind: 'adam' }, learningRate: 1e-3 },
  };
  const [plain, secure] = await roundsInTurns(
    [scene, { ...scene, protection: 'secure-aggregation' }],
    WORKERS,
  );
  return [
    {
      name: 'a simulated round of 10 sites, secure over plain',
      samples: secure.map((ms, i) => ms / (plain[i] ?? Number.NaN)),
      ...{ unit: '×', bar: { atMost: 1.15 } },
    },
    { name: 'of it: the plain round', samples: plain, unit: 'ms', digits: 0 },
  ];
}

function byteRows(): BenchRow[] {
  const vectorBytes = (bits: RingBits, cohort: number): number =>
    ringByteLength(bits, layoutOf(bits, cohort, REFERENCE).length);
  const overhead = (cohort: number): number => dealtBytes(cohort - 1) + revealedBytes(cohort) + MESSAGE_BYTES;
  const plain = 4 * REFERENCE;
  const rows = ([8, 16] as const).map((bits): BenchRow => ({
    name: `bytes up per site over float32, K = 10, ${String(bits)} bits, all messages`,
    samples: [(vectorBytes(bits, 10) + overhead(10)) / plain],
    unit: '×',
    bar: { atMost: bits === 8 ? 0.27 : 0.52 },
  }));
  return [
    ...rows,
    {
      name: 'bytes up per site over float32 without 60 KB, K = 100, 32 bits',
      samples: [(vectorBytes(32, 100) + Math.max(0, overhead(100) - 60_000)) / plain],
      ...{ unit: '×', digits: 4, bar: { atMost: 1.01 } },
    },
    {
      name: 'of it: shares, answers and other messages',
      samples: [overhead(100) / 1000],
      ...{ unit: 'KB', digits: 1, bar: { atMost: 60 } },
    },
  ];
}

finishBench(
  {
    title: 'Secure aggregation',
    rows: [
      ...(await maskingRows()),
      ...(await siteRows()),
      ...(await unmaskingRows()),
      ...(await largeRows()),
      ...(await roundRows()),
      ...byteRows(),
    ],
  },
  { json: flags.json },
);
