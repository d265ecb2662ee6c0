/** `install:gpu` against a stand-in for npm on PATH that damages the package and fails, or succeeds. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EngineName } from '../../shared/learning/engines/engine.ts';
import type { ProbeReport } from '../../shared/learning/engines/probe-report.ts';
import { CUDA_PART, TENSORFLOW_PART, type GpuPart } from '../../simulations/gpu-parts.ts';
import { installGpu, type InstallDependencies } from '../../simulations/install-gpu.ts';

let folder = '';
let part: GpuPart;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consilium-install-gpu-'));
  await mkdir(join(folder, 'package', 'lib'), { recursive: true });
  await writeFile(join(folder, 'package', 'lib', 'index.js'), 'original');
  part = { ...CUDA_PART, folder: () => join(folder, 'package') };
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

/** Puts a program called npm first on PATH. */
async function stubNpm(script: string): Promise<void> {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'npm'), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, 'npm'), 0o755);
  vi.stubEnv('PATH', `${bin}${delimiter}${process.env['PATH'] ?? ''}`);
}

const missing = (name: EngineName): ProbeReport => ({ name, available: false, reason: 'no native part' });
const working = (name: EngineName): ProbeReport => ({
  name,
  available: true,
  device: 'a GPU',
  relativeError: 0,
  imagesPerSecond: 100,
  stepMs: 1,
  batchSize: 32,
  openMs: 1,
});

function dependencies(probe: (name: EngineName) => ProbeReport, answer = true) {
  const lines: string[] = [];
  const deps: InstallDependencies = {
    probe: (name) => Promise.resolve(probe(name)),
    confirm: () => Promise.resolve(answer),
    write: (line) => lines.push(line),
  };
  return { deps, text: () => lines.join('\n') };
}

const onlyAlways = (name: EngineName): ProbeReport =>
  name === 'onnx' || name === 'tensorflow-js' ? working(name) : missing(name);

describe.skipIf(process.platform === 'win32')('install:gpu', () => {
  it('explains, runs npm with the right arguments and environment, and tries the engine', async () => {
    await stubNpm(
      `echo "$@ $ONNXRUNTIME_NODE_INSTALL" > ${join(folder, 'called')}; touch ${join(folder, 'package', 'new')}`,
    );
    let installed = false;
    const { deps, text } = dependencies((name) => (installed ? working(name) : missing(name)));
    const probe = deps.probe;
    const code = await installGpu(
      part,
      { yes: true },
      {
        ...deps,
        probe: async (name) => {
          const report = await probe(name);
          installed = true;
          return report;
        },
      },
    );
    expect(code).toBe(0);
    expect(text()).toContain(CUDA_PART.explanation);
    expect(text()).toContain('onnx-cuda works: a GPU, 100 images/s.');
    expect((await readFile(join(folder, 'called'), 'utf8')).trim()).toBe(
      'rebuild onnxruntime-node --ignore-scripts=false cuda12',
    );
    expect((await readdir(join(folder, 'package'))).sort()).toEqual(['lib', 'new']);
    expect((await readdir(folder)).sort()).toEqual(['bin', 'called', 'package']);
  });

  it('puts everything back when npm fails, and tries the other engines', async () => {
    await stubNpm(
      `rm -rf ${join(folder, 'package', 'lib')}; touch ${join(folder, 'package', 'half')}; exit 7`,
    );
    const { deps, text } = dependencies(onlyAlways);
    expect(await installGpu(part, { yes: true }, deps)).toBe(1);
    expect(text()).toContain('npm rebuild onnxruntime-node --ignore-scripts=false ended with exit code 7');
    expect(text()).toContain('onnx works');
    expect(text()).toContain('tensorflow-js works');
    expect(await readdir(join(folder, 'package'))).toEqual(['lib']);
    expect(await readFile(join(folder, 'package', 'lib', 'index.js'), 'utf8')).toBe('original');
    expect((await readdir(folder)).sort()).toEqual(['bin', 'package']);
  });

  it('puts everything back when the engine does not work afterwards', async () => {
    await stubNpm(`echo broken > ${join(folder, 'package', 'lib', 'index.js')}`);
    const { deps, text } = dependencies(onlyAlways);
    expect(await installGpu(part, { yes: true }, deps)).toBe(1);
    expect(text()).toContain('it was installed, but does not work: no native part');
    expect(await readFile(join(folder, 'package', 'lib', 'index.js'), 'utf8')).toBe('original');
  });

  it('reports a missing npm', async () => {
    vi.stubEnv('PATH', join(folder, 'nothing'));
    const { deps, text } = dependencies(onlyAlways);
    expect(await installGpu(part, { yes: true }, deps)).toBe(1);
    expect(text()).toContain('npm cannot be started');
  });

  it('changes nothing when the user says no, or when the engine works already', async () => {
    await stubNpm(`touch ${join(folder, 'called')}`);
    const no = dependencies(missing, false);
    expect(await installGpu(part, { yes: false }, no.deps)).toBe(0);
    expect(no.text()).toContain('Nothing was changed.');
    const already = dependencies(working);
    expect(await installGpu(part, { yes: true }, already.deps)).toBe(0);
    expect(already.text()).toContain('works already');
    expect((await readdir(folder)).sort()).toEqual(['bin', 'package']);
  });

  it('finds the folders of the installed packages', async () => {
    expect(await readdir(TENSORFLOW_PART.folder())).toContain('package.json');
    expect(CUDA_PART.folder()).toContain(join('bin', 'napi-v6', process.platform));
  });
});
