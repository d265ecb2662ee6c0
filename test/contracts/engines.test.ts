/**
 * The engine contract on every engine that works here, each in a process of its own. An engine that does not work skips
 * with its reason, and fails where CONSILIUM_REQUIRE_ENGINES lists it.
 */
import { describe, expect, it, type TestContext } from 'vitest';
import { runChildModule } from '../../shared/learning/engines/child-module.ts';
import { ENGINE_NAMES, type EngineName } from '../../shared/learning/engines/engine.ts';
import { environmentFor, requiredEngines } from './contract-config.ts';
import { contractReportSchema, type ContractReport } from './contract-report.ts';
import { CHECKS } from './engine-contract.ts';

const TIMEOUT_MS = 240_000;
const required = requiredEngines();

async function runContract(name: EngineName): Promise<ContractReport> {
  const outcome = await runChildModule({
    module: 'contract-main',
    base: import.meta.url,
    args: [name, name === 'onnx-webgpu' ? 'cheap' : 'all'],
    timeoutMs: TIMEOUT_MS,
    environment: environmentFor(name),
  });
  if (outcome.kind === 'ended') return { available: false, reason: outcome.reason };
  return contractReportSchema.parse(outcome.message);
}

/** One process for each engine, started by its first test; WebGPU in software takes longest and starts at once. */
const reports = new Map<EngineName, Promise<ContractReport>>([['onnx-webgpu', runContract('onnx-webgpu')]]);

async function resultsOf(name: EngineName, context: TestContext) {
  const pending = reports.get(name) ?? runContract(name);
  reports.set(name, pending);
  const report = await pending;
  if (report.available) return report;
  if (required.has(name)) throw new Error(`${name} is required here and does not work: ${report.reason}`);
  return context.skip(`${name}: ${report.reason}`);
}

describe.each(ENGINE_NAMES)('engine contract: %s', (name) => {
  const checks = CHECKS.filter((check) => name !== 'onnx-webgpu' || check.cheap === true);

  for (const check of checks) {
    it(check.name, { timeout: TIMEOUT_MS }, async (context) => {
      const { results } = await resultsOf(name, context);
      expect(results[check.name]).toBeNull();
    });
  }

  if (name.startsWith('tensorflow')) {
    it('no tensor is left behind', { timeout: TIMEOUT_MS }, async (context) => {
      const { tensors } = await resultsOf(name, context);
      expect(tensors?.after).toBe(tensors?.before);
      expect(tensors?.before).toBe(0);
    });
  }
});
