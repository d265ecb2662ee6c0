/** Runs any written graph in onnxruntime-node, one thread: the standard runtime for what `lower` makes. */
import * as ort from 'onnxruntime-node';
import { writeOnnx } from '../../shared/learning/graph/onnx-file.ts';
import type { Graph } from '../../shared/learning/graph/types.ts';

/** The outputs by name. Inputs are given by name as flat values. */
export async function runOnnx(
  graph: Graph,
  inputs: ReadonlyMap<string, Float32Array>,
): Promise<ReadonlyMap<string, Float32Array>> {
  const session = await ort.InferenceSession.create(writeOnnx(graph), {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  try {
    const feeds: Record<string, ort.Tensor> = {};
    for (const { name, dims } of graph.inputs) {
      const data = inputs.get(name);
      if (!data) throw new Error(`no value for input ${name}`);
      const batch = data.length / dims.reduce<number>((n, d) => (typeof d === 'number' ? n * d : n), 1);
      const sizes = dims.map((d) => (typeof d === 'number' ? d : batch));
      feeds[name] = new ort.Tensor('float32', data, sizes);
    }
    const results = await session.run(feeds);
    return new Map(
      Object.entries(results).map(([name, { data }]) => {
        if (!(data instanceof Float32Array)) throw new Error(`output ${name} is no float32 tensor`);
        return [name, data.slice()];
      }),
    );
  } finally {
    await session.release();
  }
}
