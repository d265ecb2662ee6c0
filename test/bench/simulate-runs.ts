/** The measurements of the simulation's benchmark. */
import { siteIdSchema } from '../../shared/ids.ts';
import { systemClock } from '../../shared/clock.ts';
import { InvariantError } from '../../shared/errors.ts';
import { createWorkerPool, type Pool } from '../../simulations/pool/pool.ts';
import { simulateFederation } from '../../simulations/virtual/federation.ts';
import { createScene, partOf, type Scene, type SceneOptions } from './simulate-scene.ts';

const federate = (
  scene: Scene,
  pool: Pool,
  afterRound: (round: number) => Promise<void>,
): Promise<unknown> => {
  let round = 0;
  return simulateFederation({
    plan: scene.plan,
    model: scene.model,
    initialWeights: scene.weights,
    manifest: scene.manifest,
    data: scene.data,
    pool,
    hooks: {},
    save: () => afterRound(++round),
  });
};

/** All threads of this process, in milliseconds. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export interface RoundCost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

export interface Duel {
  readonly federated: readonly RoundCost[];
  readonly bare: readonly RoundCost[];
}

/**
 * A federation, and after each of its rounds the same number of SGD steps in a bare loop: every worker takes its share of all
 * images in one go. The first round, in which models are compiled, does not count.
 */
export async function duel(options: SceneOptions, workerCount: number): Promise<Duel> {
  const scene = createScene(options);
  const pool = createWorkerPool(workerCount);
  const federated: RoundCost[] = [];
  const bare: RoundCost[] = [];
  try {
    let [wall, cpu] = [systemClock.elapsedMs(), cpuMs()];
    await federate(scene, pool, async (round) => {
      const middle = [systemClock.elapsedMs(), cpuMs()] as const;
      await bareRound(scene, pool, workerCount, round);
      const end = [systemClock.elapsedMs(), cpuMs()] as const;
      if (round > 1) {
        federated.push({ wallMs: middle[0] - wall, cpuMs: middle[1] - cpu });
        bare.push({ wallMs: end[0] - middle[0], cpuMs: end[1] - middle[1] });
      }
      [wall, cpu] = [systemClock.elapsedMs(), cpuMs()];
    });
  } finally {
    await pool.close();
  }
  return { federated, bare };
}

async function bareRound(
  { plan, model, weights, data }: Scene,
  pool: Pool,
  workerCount: number,
  round: number,
): Promise<void> {
  const share = data.pooled.count / workerCount;
  if (share % plan.training.batchSize !== 0)
    throw new InvariantError('the shares of the workers are no whole number of batches');
  await Promise.all(
    Array.from({ length: workerCount }, (_, i) =>
      pool.update({
        ...{ model, plan, round, weights },
        siteId: siteIdSchema.parse(`worker-${String(i)}`),
        data: partOf(data.pooled, i * share, share),
      }),
    ),
  );
}

/** Sites that have trained at once: what is left is messages, signatures, boxes, checks and the sum. */
function idlePool(scene: Scene): Pool {
  const delta = Float32Array.from(scene.weights, (weight) => weight * 1e-3);
  const logits = new Float32Array(scene.data.validation.count * scene.data.classNames.length);
  const never = (): never => {
    throw new InvariantError('the benchmark asks for nothing of this kind');
  };
  return {
    workerCount: 1,
    update: ({ data }) => Promise.resolve({ exampleCount: data.count, meanLoss: 1, delta }),
    predict: () => Promise.resolve(logits),
    fit: never,
    personalise: never,
    describe: never,
    close: () => Promise.resolve(),
  };
}

/** CPU milliseconds of each round but the first, for each site. */
export async function frameworkCosts(options: SceneOptions): Promise<number[]> {
  const scene = createScene(options);
  const costs: number[] = [];
  let before = cpuMs();
  await federate(scene, idlePool(scene), (round) => {
    if (round > 1) costs.push((cpuMs() - before) / options.siteCount);
    before = cpuMs();
    return Promise.resolve();
  });
  return costs;
}

/** Largest resident memory of this process over a federation with workers, in MiB. For a process of its own. */
export async function peakMemory(options: SceneOptions, workerCount: number): Promise<number> {
  const scene = createScene(options);
  const pool = createWorkerPool(workerCount);
  try {
    await federate(scene, pool, () => Promise.resolve());
  } finally {
    await pool.close();
  }
  return process.resourceUsage().maxRSS / 1024;
}

export interface Growth {
  /** Kilobytes of live memory that a round adds, once everything has been used. */
  readonly liveKbPerRound: number;
  /** Resident memory at the end over that after the first quarter. */
  readonly residentRatio: number;
}

/** Needs `node --expose-gc`. */
export async function memoryGrowth(options: SceneOptions): Promise<Growth> {
  const scene = createScene(options);
  const pool = createWorkerPool(1);
  const live = new Map<number, number>();
  const resident = new Map<number, number>();
  try {
    await federate(scene, pool, (round) => {
      // Memory outside the heap is let go only by the second.
      globalThis.gc?.();
      globalThis.gc?.();
      const { heapUsed, external, rss } = process.memoryUsage();
      live.set(round, heapUsed + external);
      resident.set(round, rss);
      return Promise.resolve();
    });
  } finally {
    await pool.close();
  }
  const [early, late] = [Math.ceil(options.rounds / 4), options.rounds];
  const at = (values: ReadonlyMap<number, number>, round: number): number => values.get(round) ?? NaN;
  return {
    liveKbPerRound: (at(live, late) - at(live, early)) / (late - early) / 1000,
    residentRatio: at(resident, late) / at(resident, early),
  };
}

/**
 * Two federations in turns, round by round, so that a change of the machine's speed meets both: what their rounds took, in
 * milliseconds. The first round of each, in which models are compiled, does not count.
 */
export async function roundsInTurns(
  options: readonly [SceneOptions, SceneOptions],
  workerCount: number,
): Promise<readonly [number[], number[]]> {
  const pool = createWorkerPool(workerCount);
  const took: readonly [number[], number[]] = [[], []];
  const waiting: [(() => void)?, (() => void)?] = [];
  const isOver = [false, false];
  let turn = 0;
  const pass = (self: 0 | 1): void => {
    const other = self === 0 ? 1 : 0;
    if (isOver[other]) return;
    turn = other;
    waiting[other]?.();
  };
  const ownTurn = (self: 0 | 1): Promise<void> =>
    turn === self
      ? Promise.resolve()
      : new Promise((resolve) => {
          waiting[self] = resolve;
        });
  const run = async (self: 0 | 1): Promise<void> => {
    const scene = createScene(options[self]);
    await ownTurn(self);
    let start = systemClock.elapsedMs();
    await federate(scene, pool, async (round) => {
      if (round > 1) took[self].push(systemClock.elapsedMs() - start);
      pass(self);
      await ownTurn(self);
      start = systemClock.elapsedMs();
    });
    isOver[self] = true;
    pass(self);
  };
  try {
    await Promise.all([run(0), run(1)]);
  } finally {
    await pool.close();
  }
  return took;
}
