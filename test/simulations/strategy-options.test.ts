import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { strategySchema } from '../../shared/protocol/strategy.ts';
import { parseServerSchedule, parseStrategy, strategyList } from '../../simulations/strategy-options.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consilium-strategy-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a strategy on the command line', () => {
  it('is the same as a name with flags, YAML, JSON and a file', async () => {
    const expected = strategySchema.parse({ name: 'fedprox', mu: 0.5, serverLearningRate: 0.9 });
    const file = join(folder, 'strategy.yaml');
    await writeFile(file, 'name: fedprox\nmu: 0.5\nserverLearningRate: 0.9\n');
    expect(parseStrategy('fedprox', { mu: 0.5, serverLearningRate: 0.9 })).toEqual(expected);
    expect(parseStrategy('{name: fedprox, mu: 0.5, serverLearningRate: 0.9}')).toEqual(expected);
    expect(parseStrategy('{"name":"fedprox","mu":0.5,"serverLearningRate":0.9}')).toEqual(expected);
    expect(parseStrategy(file)).toEqual(expected);
    expect(parseStrategy('{name: fedprox, mu: 7}', { mu: 0.5, serverLearningRate: 0.9 })).toEqual(expected);
  });

  it.each([
    ['fedmagic', {}, 'one of fedavg, fedprox'],
    ['fedavg', { mu: 1 }, 'mu'],
    ['fedadam', { tau: -1 }, 'tau'],
    ['[1, 2]', {}, 'expected a name'],
    ['{name: fedprox', {}, 'not valid YAML'],
    ['missing.yaml', {}, 'cannot be read'],
  ])('refuses %s with %j', (text, flags, reason) => {
    expect(() => parseStrategy(text, flags)).toThrow(reason);
  });

  it('is listed by name with what it is', () => {
    const lines = strategyList().trim().split('\n');
    expect(lines).toHaveLength(8);
    expect(lines[6]).toMatch(/^scaffold {4}control variates/);
  });
});

describe('a server schedule on the command line', () => {
  it.each([
    ['constant', { kind: 'constant' }],
    ['step:5', { kind: 'step', everyRounds: 5, factor: 0.5 }],
    ['step:5:0.1', { kind: 'step', everyRounds: 5, factor: 0.1 }],
    ['exponential', { kind: 'exponential', factor: 0.98 }],
    ['exponential:0.9', { kind: 'exponential', factor: 0.9 }],
    ['cosine', { kind: 'cosine', floorFraction: 0 }],
    ['cosine:0.1', { kind: 'cosine', floorFraction: 0.1 }],
  ])('%s', (text, expected) => {
    expect(parseServerSchedule(text)).toEqual(expected);
  });

  it.each(['', 'step', 'linear', 'cosine:2', 'cosine:x', 'constant:1', 'exponential:0.9:1'])(
    'not "%s"',
    (text) => {
      expect(() => parseServerSchedule(text)).toThrow('choose constant');
    },
  );
});
