/**
 * Runs one graph that is neither a training step nor tied to a model: explanations and prediction. Standard kernels only,
 * so that a figure does not depend on what a processor's blocked kernels do.
 */
import { EngineError, InvariantError, messageOf } from '../../errors.ts';
import { writeOnnx } from '../graph/onnx-file.ts';
import type { Graph, Model } from '../graph/types.ts';
import { lower } from '../lower/lower.ts';
import { manifestOf, sizeOf } from '../weights.ts';
import { standardNativeRuntime } from './onnx-native.ts';
import type { OnnxRuntime } from './onnx-session.ts';
import { wasmRuntime } from './onnx-wasm.ts';

export const RUNNER_ENGINES = ['onnx', 'onnx-wasm'] as const;
export type RunnerEngine = (typeof RUNNER_ENGINES)[number];

/** float32 values by name. */
export type NamedValues = ReadonlyMap<string, Float32Array>;

export interface GraphRunner {
  /** @returns every output of the graph, in arrays of its own @throws InvariantError when an input is missing or has another size */
  run(feeds: NamedValues): Promise<NamedValues>;
  dispose(): Promise<void>;
}

const openRuntime = async (engine: RunnerEngine): Promise<OnnxRuntime> =>
  engine === 'onnx' ? standardNativeRuntime() : wasmRuntime();

/**
 * @param graph with a bound batch size; inputs and outputs are float32
 * @throws EngineError when the engine does not load or refuses the graph; GraphError when it cannot be lowered
 */
export async function openGraphRunner(graph: Graph, engine: RunnerEngine = 'onnx'): Promise<GraphRunner> {
  const runtime = await openRuntime(engine);
  const lowered = lower(graph, runtime.target);
  let session: Awaited<ReturnType<OnnxRuntime['create']>>;
  try {
    session = await runtime.create(writeOnnx(lowered));
  } catch (cause) {
    throw new EngineError(`The engine cannot compile graph "${graph.name}": ${messageOf(cause)}`, { cause });
  }
  const tensorOf = (name: string, dims: readonly number[], feeds: NamedValues) => {
    const data = feeds.get(name);
    if (data?.length !== sizeOf(dims))
      throw new InvariantError(
        `Input "${name}" has ${String(data?.length ?? 0)} values instead of ${String(sizeOf(dims))}.`,
      );
    return new runtime.Tensor('float32', data, dims);
  };
  return {
    async run(feeds) {
      const inputs = lowered.inputs.map(
        ({ name, dims }) => [name, tensorOf(name, dims.map(Number), feeds)] as const,
      );
      const results = await session.run(Object.fromEntries(inputs));
      return new Map(lowered.outputs.map(({ name }) => [name, floatsOf(name, results[name]?.data)]));
    },
    dispose: () => session.release(),
  };
}

function floatsOf(name: string, data: unknown): Float32Array {
  if (!(data instanceof Float32Array))
    throw new EngineError(`The engine returned no float32 values for "${name}".`);
  return data.slice();
}

/** The parameters of a model as inputs of a graph that is derived from it. */
export function parameterFeeds(
  model: Pick<Model, 'parameters'>,
  weights: Float32Array,
): [name: string, values: Float32Array][] {
  return manifestOf(model).entries.map(({ name, offset, length }) => [
    name,
    weights.subarray(offset, offset + length),
  ]);
}
