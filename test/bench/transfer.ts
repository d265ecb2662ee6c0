/**
 * `npm run bench:transfer`: what a backbone that was trained in one place on other images is worth to a federation with
 * few labels. Backbones from public sets, or from the images of one hospital, are fine-tuned by five sites, and held against
 * the same federation from random weights: the same sites, images, steps and seeds. Options: --quick, --only TARGET,
 * --seeds N, --rounds N, --workers N, --json. Ends with 1 when no pair of sets helps at 10 % of the labels.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../../shared/clock.ts';
import { InputError } from '../../shared/errors.ts';
import { runInterruptible } from '../../simulations/interruptible.ts';
import { TEST_DATA_REASON, testDataPath } from '../test-data.ts';
import { finishBench, type Skipped } from './bench-report.ts';
import { createWorkerPool, type Pool } from '../../simulations/pool/pool.ts';
import { writeHospitals } from './transfer-hospitals.ts';
import { ROUNDS, runCell, trainBackbone, type CellFigures } from './transfer-run.ts';
import { rowsOf, type Arms, type TargetFigures } from './transfer-rows.ts';
import { FRACTIONS, SOURCES, TARGETS, writeSubset, type TargetSet } from './transfer-sets.ts';

interface Options {
  readonly only?: string;
  readonly seeds?: string;
  readonly rounds: string;
  readonly workers: string;
  readonly quick?: true;
  readonly json?: true;
}

const SEEDS = 5;
/** Without a difference of two seeds there is no interval. */
const QUICK_SEEDS = 2;

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

function targetsOf({ only }: Options): readonly TargetSet[] {
  const chosen = TARGETS.filter(({ key }) => only === undefined || key === only);
  if (chosen.length > 0) return chosen;
  throw new InputError(`--only ${String(only)}: choose one of ${TARGETS.map(({ key }) => key).join(', ')}`);
}

function seedsOf({ seeds, quick }: Options): number[] {
  const count = seeds === undefined ? (quick ? QUICK_SEEDS : SEEDS) : Number(seeds);
  if (!Number.isInteger(count) || count < 2)
    throw new InputError('--seeds needs 2 or more: pairs have a spread');
  return Array.from({ length: count }, (_, seed) => seed);
}

interface Study {
  readonly options: Options;
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly pool: Pool;
  readonly skipped: Skipped[];
  readonly environment: Record<string, string>;
}

/** The file of a set's images, undefined where the test images are not there. */
async function fileOf(
  { key, path, hospitals }: Pick<TargetSet, 'key' | 'path' | 'hospitals'>,
  { folder }: Study,
): Promise<string | undefined> {
  const whole = testDataPath(path);
  if (whole === undefined || !hospitals) return whole;
  const part = join(folder, `${key}, whole.npz`);
  await writeHospitals(whole, part, hospitals);
  return part;
}

/** By source, the file of its backbone. */
async function backbonesFor(targets: readonly TargetSet[], study: Study): Promise<Map<string, string>> {
  const { folder, signal, pool, skipped, environment, options } = study;
  const files = new Map<string, string>();
  for (const source of SOURCES) {
    if (!targets.some(({ sources }) => sources.includes(source.key))) continue;
    const path = await fileOf(source, study);
    if (path === undefined) {
      skipped.push({ name: `backbone of ${source.key}`, reason: TEST_DATA_REASON });
      continue;
    }
    const file = join(folder, `${source.key}.onnx`);
    const quick = options.quick === true;
    const { validationScore } = await trainBackbone(source, { path, file, quick, pool }, signal);
    files.set(source.key, file);
    environment[`backbone of ${source.key}, validation AUC`] = validationScore.toFixed(3);
    say(`backbone of ${source.key}: validation AUC ${validationScore.toFixed(3)}`);
  }
  return files;
}

interface ArmsRequest {
  readonly seed: number;
  readonly backbones: ReadonlyMap<string, string>;
  readonly target: TargetSet;
}

/** Every arm of one target with one share of its labels and one seed. */
async function runArms(
  dataset: string,
  { seed, backbones, target }: ArmsRequest,
  { options, signal, pool }: Study,
): Promise<Arms> {
  const request = { dataset, seed, rounds: options.quick ? 2 : Number(options.rounds), pool };
  const scratch = await runCell(request, signal);
  const tuned = new Map<string, CellFigures>();
  for (const [source, file] of backbones)
    for (const isFrozen of target.hasFrozenArm ? [false, true] : [false]) {
      const name = isFrozen ? `${source} (body frozen)` : source;
      tuned.set(name, await runCell({ ...request, start: { file, isFrozen } }, signal));
    }
  return { scratch, tuned };
}

async function runTarget(
  target: TargetSet,
  backbones: ReadonlyMap<string, string>,
  study: Study,
): Promise<TargetFigures | undefined> {
  const path = await fileOf(target, study);
  if (path === undefined) {
    study.skipped.push({ name: target.key, reason: TEST_DATA_REASON });
    return undefined;
  }
  const own = new Map([...backbones].filter(([source]) => target.sources.includes(source)));
  const fractions = study.options.quick ? FRACTIONS.slice(0, 1) : FRACTIONS;
  const cells: { fraction: number; arms: Arms[] }[] = [];
  for (const fraction of fractions) {
    const arms: Arms[] = [];
    for (const seed of seedsOf(study.options)) {
      const subset = join(study.folder, `${target.key}.npz`);
      await writeSubset(path, subset, { fraction, seed });
      const done = await runArms(subset, { seed, backbones: own, target }, study);
      arms.push(done);
      const figures = [...done.tuned].map(([source, { auc }]) => `${source} ${auc.toFixed(3)}`).join(', ');
      say(
        `${target.key}, ${String(100 * fraction)} % of the labels, seed ${String(seed)}: AUC from scratch ` +
          `${done.scratch.auc.toFixed(3)}, from ${figures}`,
      );
    }
    cells.push({ fraction, arms });
  }
  return { target: target.key, cells };
}

async function benchmark(options: Options, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'consilium-transfer-'));
  const startedMs = systemClock.elapsedMs();
  const { workers, rounds } = options;
  const pool = createWorkerPool(Number(workers));
  const study: Study = { options, folder, signal, pool, skipped: [], environment: { workers, rounds } };
  try {
    const targets = targetsOf(options);
    const backbones = await backbonesFor(targets, study);
    const figures: TargetFigures[] = [];
    for (const target of targets) {
      const done = await runTarget(target, backbones, study);
      if (done) figures.push(done);
    }
    const { skipped, environment } = study;
    const minutes = (systemClock.elapsedMs() - startedMs) / 60_000;
    const rows = figures.length === 0 ? [] : rowsOf(figures, { isComplete: !options.quick, minutes });
    const title = `Federations of five sites from a backbone of other images, and from scratch${options.quick ? ' (quick: too short to say anything)' : ''}`;
    finishBench({ title, rows, skipped, environment }, { json: options.json === true });
  } finally {
    await pool.close();
    await rm(folder, { recursive: true, force: true });
  }
}

await new Command('bench:transfer')
  .option('--only <target>', TARGETS.map(({ key }) => key).join(', '))
  .option('--seeds <count>', `seeds of each cell (default: ${String(SEEDS)})`)
  .option('--rounds <count>', 'of each federation', String(ROUNDS))
  .option('--workers <count>', 'threads that train', '2')
  .option('--quick', '10 % of the labels only, a few rounds, two seeds: whether it runs, not what it shows')
  .option('--json', 'print the figures as JSON')
  .action((options: Options) => runInterruptible((signal) => benchmark(options, signal)))
  .parseAsync();
