/** Where a training step's time goes, by ONNX Runtime's own profile. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { z } from 'zod';
import { architectureSchema, buildModel } from '../../shared/learning/architectures/architecture.ts';
import { probeBlockSize } from '../../shared/learning/engines/onnx-native.ts';
import { writeOnnx } from '../../shared/learning/graph/onnx-file.ts';
import type { Graph } from '../../shared/learning/graph/types.ts';
import { lower } from '../../shared/learning/lower/lower.ts';
import { STANDARD_TARGET } from '../../shared/learning/lower/target.ts';
import { trainingGraph } from '../../shared/learning/training-graph.ts';
import { sizeOf } from '../../shared/learning/weights.ts';
import { createRng, deriveSeed } from '../../shared/rng.ts';
import type { BenchRow } from './bench-report.ts';
import { BATCH_SIZE } from './learning-step.ts';

const STEPS = 40;
/** Operators with a smaller share are added up. */
const SMALLEST_SHARE = 1;

const eventSchema = z.object({
  cat: z.string(),
  name: z.string(),
  dur: z.number().optional(),
  args: z.object({ op_name: z.string().optional() }).optional(),
});

async function profile(graph: Graph): Promise<Map<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'consilium-profile-'));
  try {
    const session = await InferenceSession.create(writeOnnx(graph), {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'disabled',
      enableProfiling: true,
      profileFilePrefix: join(folder, 'step'),
    });
    const rng = createRng(deriveSeed('profile'));
    const feeds = Object.fromEntries(
      graph.inputs.map((input) => {
        const dims = input.dims.map(Number);
        const data = Float32Array.from({ length: sizeOf(dims) }, () => rng.normal() * 0.1);
        return [input.name, new Tensor('float32', data, dims)];
      }),
    );
    for (let i = 0; i < STEPS; i++) await session.run(feeds);
    session.endProfiling();
    await session.release();
    const [file = ''] = readdirSync(folder);
    const events = z.array(eventSchema).parse(JSON.parse(readFileSync(join(folder, file), 'utf8')));
    const totals = new Map<string, number>();
    for (const event of events) {
      const op = event.args?.op_name;
      if (event.cat !== 'Node' || op === undefined || !event.name.endsWith('_kernel_time')) continue;
      totals.set(op, (totals.get(op) ?? 0) + (event.dur ?? 0));
    }
    return totals;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Percent of the step's time for each operator of the reference CNN at 28×28, largest first. */
export async function operatorShares(): Promise<BenchRow[]> {
  const model = buildModel(architectureSchema.parse({ name: 'cnn' }), [1, 28, 28], 2);
  const blockSize = await probeBlockSize();
  const target = blockSize === undefined ? STANDARD_TARGET : { ...STANDARD_TARGET, blockSize };
  const graph = lower(trainingGraph(model, { batchSize: BATCH_SIZE, loss: 'softmax' }).graph, target);
  const totals = await profile(graph);
  const sum = [...totals.values()].reduce((a, b) => a + b, 0);
  const shares = [...totals].map(([op, time]) => ({ op, share: (100 * time) / sum }));
  const large = shares.filter(({ share }) => share >= SMALLEST_SHARE).sort((a, b) => b.share - a.share);
  const rest = 100 - large.reduce((total, { share }) => total + share, 0);
  return [...large, { op: 'all others', share: rest }].map(({ op, share }) => ({
    name: `28×28×1: time in ${op}`,
    samples: [share],
    unit: '%',
    digits: 1,
  }));
}
