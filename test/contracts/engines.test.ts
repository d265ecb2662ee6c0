/**
 * The engine contract on every engine that works here, each in a process of its own. An engine that does not work skips
 * with its reason, and fails where CONSILIUM_REQUIRE_ENGINES lists it.
 */
import { describe, expect, it } from 'vitest';
import { runChildModule } from '../../shared/learning/engines/child-module.ts';
import { ENGINE_NAMES, type EngineName } from '../../shared/learning/engines/engine.ts';
import { environmentFor, requiredEngines } from './contract-config.ts';
import { contractReportSchema, type ContractReport } from './contract-report.ts';
import { CHECKS, type Check } from './engine-contract.ts';

const TIMEOUT_MS = 240_000;

/** WebGPU runs in software here: seconds for each graph. */
const extentFor = (name: EngineName): 'all' | 'cheap' => (name === 'onnx-webgpu' ? 'cheap' : 'all');

const checksFor = (name: EngineName): readonly Check[] =>
  CHECKS.filter((check) => extentFor(name) === 'all' || check.cheap === true);

async function runContract(name: EngineName): Promise<ContractReport> {
  const outcome = await runChildModule({
    module: 'contract-main',
    base: import.meta.url,
    args: [name, extentFor(name)],
    timeoutMs: TIMEOUT_MS,
    environment: environmentFor(name),
  });
  if (outcome.kind === 'ended') return { available: false, reason: outcome.reason };
  return contractReportSchema.parse(outcome.message);
}

/** The slowest one runs beside the others, which follow one another. */
async function runAll(): Promise<ReadonlyMap<EngineName, ContractReport>> {
  const webgpu = runContract('onnx-webgpu');
  const reports = new Map<EngineName, ContractReport>();
  for (const name of ENGINE_NAMES) {
    reports.set(name, await (name === 'onnx-webgpu' ? webgpu : runContract(name)));
  }
  return reports;
}

const required = requiredEngines();
const reports = await runAll();

for (const [name, report] of reports) {
  describe(`engine contract: ${name}`, () => {
    if (!report.available) {
      it.skipIf(!required.has(name))(`works here (it does not: ${report.reason})`, () => {
        throw new Error(`${name} is required here and does not work: ${report.reason}`);
      });
      process.stderr.write(`engine contract: ${name} is left out: ${report.reason}\n`);
      return;
    }
    it.each(checksFor(name).map((check) => check.name))('%s', (check) => {
      expect(report.results[check]).toBeNull();
    });
    if (report.tensors === null) return;
    it('no tensor is left behind', () => {
      expect(report.tensors).toEqual({ before: 0, after: 0 });
    });
  });
}
