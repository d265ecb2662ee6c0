import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { siteIdSchema } from '../../../shared/ids.ts';
import { checkScenario, faultScenarioSchema, faultsAt } from '../../../simulations/faults/scenario.ts';
import { readYamlFile } from '../../../shared/yaml-file.ts';

const examples = fileURLToPath(new URL('../../../simulations/faults', import.meta.url));
const site = (number: number): { siteId: ReturnType<typeof siteIdSchema.parse>; name: string } => ({
  siteId: siteIdSchema.parse(`site-${String(number)}`),
  name: `hospital ${String(number)}`,
});
const kindsAt = (scenario: unknown, number: number, round: number, attempt = 1): string[] =>
  faultsAt(faultScenarioSchema.parse(scenario), 7, site(number), { round, attempt }).map(({ kind }) => kind);

describe('a scenario', () => {
  it('names sites by id or name, and rounds as a list or a span', () => {
    const scenario = {
      faults: [
        { kind: 'drop', phase: 'training', sites: ['site-1'], rounds: [2, 4] },
        { kind: 'flap', phase: 'uploading', sites: ['hospital 2'], rounds: { from: 3, to: 4 } },
        { kind: 'straggle', delayMs: 10, rounds: { from: 4 } },
      ],
    };
    expect([1, 2, 3, 4, 5].map((round) => kindsAt(scenario, 1, round))).toEqual([
      ...[[], ['drop'], [], ['drop', 'straggle'], ['straggle']],
    ]);
    expect([2, 3, 4, 5].map((round) => kindsAt(scenario, 2, round))).toEqual([
      ...[[], ['flap'], ['flap', 'straggle'], ['straggle']],
    ]);
  });

  it('strikes as often as its probability says, the same each time, and anew at each attempt', () => {
    const scenario = { faults: [{ kind: 'drop', phase: 'selecting', probability: 0.1 }] };
    const rounds = Array.from({ length: 4000 }, (_, i) => i + 1);
    const strikes = (attempt: number): number[] =>
      rounds.filter((round) => kindsAt(scenario, 1, round, attempt).length > 0);
    // 400 ± 3.5 standard deviations of 19.
    expect(Math.abs(strikes(1).length - 400)).toBeLessThan(66);
    expect(strikes(1)).toEqual(strikes(1));
    expect(strikes(2)).not.toEqual(strikes(1));
    expect(kindsAt({ ...scenario, seed: 1 }, 1, 1)).toEqual(kindsAt({ ...scenario, seed: 1 }, 1, 1));
  });

  it.each([
    [{ faults: [] }, 'faults'],
    [{ faults: [{ kind: 'meteor' }] }, 'kind'],
    [{ faults: [{ kind: 'drop', phase: 'training', probability: 2 }] }, 'probability'],
    [{ faults: [{ kind: 'flap', phase: 'selecting' }] }, 'phase'],
    [{ faults: [{ kind: 'straggle', delayMs: 5, phase: 'training' }] }, 'phase'],
    [{ faults: [{ kind: 'drop', phase: 'training' }], surprise: 1 }, 'surprise'],
  ])('is refused: %j', (scenario, field) => {
    const parsed = faultScenarioSchema.safeParse(scenario);
    expect(JSON.stringify(parsed.error?.issues)).toContain(field);
  });

  it('is refused when it names a site that there is not, or asks for more sites than there are', () => {
    const faults = [{ kind: 'drop', phase: 'training', sites: ['site-9'] }];
    const sites = [site(1), site(2)];
    expect(() => {
      checkScenario(faultScenarioSchema.parse({ faults }), sites, 'plain');
    }).toThrow('site-9; the sites are site-1, site-2');
    const all = [{ kind: 'drop', phase: 'training' }];
    expect(() => {
      checkScenario(faultScenarioSchema.parse({ faults: all, minimumSites: 3 }), sites, 'plain');
    }).toThrow('minimumSites');
  });

  it.each(['sharing-keys', 'consistency', 'unmasking'])(
    'is refused without secure aggregation when it names its phase %s',
    (phase) => {
      const scenario = faultScenarioSchema.parse({ faults: [{ kind: 'drop', phase }] });
      expect(() => {
        checkScenario(scenario, [site(1)], 'box');
      }).toThrow(`no phase "${phase}"`);
      expect(() => {
        checkScenario(scenario, [site(1)], 'secure-aggregation');
      }).not.toThrow();
    },
  );

  it.each(readdirSync(examples).filter((name) => name.endsWith('.yaml')))(
    'comes as an example: %s',
    (name) => {
      const scenario = readYamlFile('--faults', join(examples, name), faultScenarioSchema);
      checkScenario(scenario, [site(1), site(2), site(3)], 'secure-aggregation');
      expect(scenario.description).toBeDefined();
    },
  );
});
