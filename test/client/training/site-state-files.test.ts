import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createStateFiles,
  decodeSiteState,
  encodeSiteState,
} from '../../../client/training/site-state-files.ts';
import type { SiteState } from '../../../client/training/site-state.ts';
import { runIdSchema } from '../../../shared/ids.ts';

const run = runIdSchema.parse('first');
const other = runIdSchema.parse('second');
const control: SiteState = { kind: 'control', control: Float32Array.of(1, -2, 0.5) };
const normalization: SiteState = { kind: 'normalization', values: Float32Array.of(0, 1) };

describe('the states of a site', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'consilium-states-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('are there for the next process, each for its run, and for nobody else', async () => {
    const states = createStateFiles(join(folder, 'states'));
    expect(await states.load(run)).toBeUndefined();
    await states.save(run, control);
    await states.save(other, control);
    await states.save(other, normalization);
    const again = createStateFiles(join(folder, 'states'));
    expect(await again.load(run)).toEqual(control);
    expect(await again.load(other)).toEqual(normalization);
    expect(statSync(join(folder, 'states', 'first.state')).mode & 0o777).toBe(0o600);
  });

  it('are refused when their file is damaged, and the file is named', async () => {
    const states = createStateFiles(folder);
    await states.save(run, control);
    const path = join(folder, 'first.state');
    const bytes = readFileSync(path);
    for (const damaged of [bytes.subarray(0, -1), bytes.subarray(0, 10), Buffer.concat([bytes, bytes])]) {
      writeFileSync(path, damaged);
      await expect(states.load(run)).rejects.toThrow(/first\.state is damaged: restore it/);
    }
  });

  it('are decoded only as what they are', () => {
    expect(decodeSiteState(encodeSiteState(control))).toEqual(control);
    const forged = { kind: 'control', control: [1, 2] } as unknown as SiteState;
    expect(decodeSiteState(encodeSiteState(forged))).toBeUndefined();
  });
});
