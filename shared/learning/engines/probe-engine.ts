/** Tries one engine: opens it, checks its numbers, times a step. In this process, or in one of its own. */
import { systemClock, type Clock } from '../../clock.ts';
import { runChildModule } from './child-module.ts';
import type { Engine, EngineName } from './engine.ts';
import { reasonOf, shortReason } from './failure-reason.ts';
import { measureStep } from './measure-step.ts';
import { probeReportSchema, type ProbeReport } from './probe-report.ts';
import { selfCheck } from './self-check.ts';

/** Software WebGPU needs about a minute; whatever takes longer is of no use for training. */
const PROBE_TIMEOUT_MS = 120_000;
function blockSizeOf(device: string): { blockSize?: 8 | 16 } {
  if (!device.includes('blocked')) return {};
  return { blockSize: device.includes('16') ? 16 : 8 };
}

/** Never rejects. */
export async function probeHere(
  name: EngineName,
  open: (name: EngineName) => Promise<Engine>,
  clock: Clock = systemClock,
): Promise<ProbeReport> {
  const missing = (text: string): ProbeReport => ({ name, available: false, reason: shortReason(text) });
  try {
    const start = clock.elapsedMs();
    const engine = await open(name);
    const openMs = clock.elapsedMs() - start;
    const check = await selfCheck(engine);
    if (!check.passed) return missing(check.reason);
    const { imagesPerSecond, stepMs, batchSize } = await measureStep(engine, clock);
    return {
      name,
      available: true,
      device: engine.device,
      relativeError: check.relativeError,
      imagesPerSecond,
      stepMs,
      batchSize,
      openMs,
      ...blockSizeOf(name === 'onnx' ? engine.device : ''),
    };
  } catch (error) {
    return missing(reasonOf(error));
  }
}

/** Engines that a platform can never have, without starting a process for them. */
function impossible(name: EngineName): string | undefined {
  if (name === 'onnx-directml' && process.platform !== 'win32') return 'exists on Windows only';
  if (name === 'onnx-coreml' && process.platform !== 'darwin') return 'exists on macOS only';
  return undefined;
}

/** Tries the engine in a process of its own: a crash is a reason. Never rejects. */
export async function probeEngine(name: EngineName): Promise<ProbeReport> {
  const reason = impossible(name);
  if (reason !== undefined) return { name, available: false, reason };
  const outcome = await runChildModule({
    module: 'probe-main',
    base: import.meta.url,
    args: [name],
    timeoutMs: PROBE_TIMEOUT_MS,
  });
  if (outcome.kind === 'ended') return { name, available: false, reason: shortReason(outcome.reason) };
  const report = probeReportSchema.safeParse(outcome.message);
  return report.success ? report.data : { name, available: false, reason: 'its probe sent no valid report' };
}
