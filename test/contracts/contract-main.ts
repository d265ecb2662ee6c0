/** Process that runs the engine contract: `contract-main <engine> all|cheap`, and sends a `ContractReport`. */
import { z } from 'zod';
import { messageOf } from '../../shared/errors.ts';
import { ENGINE_NAMES, type Engine, type EngineName } from '../../shared/learning/engines/engine.ts';
import { reasonOf } from '../../shared/learning/engines/failure-reason.ts';
import { openNativeEngine } from '../../shared/learning/engines/onnx-native.ts';
import { openEngine } from '../../shared/learning/engines/open-engine.ts';
import { loadTensorFlow } from '../../shared/learning/engines/tensorflow-library.ts';
import { STANDARD_TARGET } from '../../shared/learning/lower/target.ts';
import type { ContractReport } from './contract-report.ts';
import { CHECKS } from './engine-contract.ts';

async function tensorCount(name: EngineName): Promise<number | undefined> {
  switch (name) {
    case 'tensorflow':
    case 'tensorflow-gpu':
    case 'tensorflow-js':
      return (await loadTensorFlow(name)).lib.memory().numTensors;
    case 'onnx':
    case 'onnx-webgpu':
    case 'onnx-cuda':
    case 'onnx-directml':
    case 'onnx-coreml':
    case 'onnx-wasm':
      return undefined;
  }
}

async function runChecks(engine: Engine, onlyCheap: boolean): Promise<Record<string, string | null>> {
  const reference = await openNativeEngine({ target: STANDARD_TARGET });
  const results: Record<string, string | null> = {};
  for (const check of CHECKS.filter(({ cheap }) => !onlyCheap || cheap === true)) {
    results[check.name] = await check.run(engine, reference).then(
      () => null,
      (error: unknown) => messageOf(error),
    );
  }
  return results;
}

async function report(name: EngineName, onlyCheap: boolean): Promise<ContractReport> {
  let engine: Engine;
  try {
    engine = await openEngine(name);
  } catch (error) {
    return { available: false, reason: reasonOf(error) };
  }
  const before = await tensorCount(name);
  const results = await runChecks(engine, onlyCheap);
  const after = await tensorCount(name);
  const tensors = before === undefined || after === undefined ? null : { before, after };
  return { available: true, device: engine.device, results, tensors };
}

const [, , name, extent] = process.argv;
const message = await report(z.enum(ENGINE_NAMES).parse(name), extent === 'cheap');
process.send?.(message, () => {
  process.disconnect();
});
