import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { coordinatorCommand } from '../../../simulations/cli/coordinator-command.ts';
import { siteCommand } from '../../../simulations/cli/site-command.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PARTIES = [
  { folder: 'client/deploy', name: 'site', command: siteCommand },
  { folder: 'coordinator/deploy', name: 'coordinator', command: coordinatorCommand },
];
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

/** Every flag is one of the command that is called. */
function expectKnown(group: Command, words: readonly string[]): void {
  const [name, ...rest] = words;
  const command = group.commands.find((each) => each.name() === name);
  const flags = command?.options.map(({ long }) => long) ?? [];
  for (const flag of rest.filter((word) => word.startsWith('--'))) expect(flags).toContain(flag);
  expect(command, name).toBeDefined();
}

describe.each(PARTIES)('the unit of the $name', ({ folder, name, command }) => {
  const path = join(ROOT, folder, `consilium-${name}.service`);
  const text = readFileSync(path, 'utf8');
  const settings = new Map(
    text.split('\n').flatMap((line) => {
      const [, key, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
      return key === undefined ? [] : [[key, value ?? ''] as const];
    }),
  );

  it.runIf(hasSystemd)('is one that systemd takes', () => {
    expect(execFileSync('systemd-analyze', ['verify', path], { encoding: 'utf8' })).toBe('');
  });

  it('runs as an account of its own that can write to its folder alone', () => {
    expect(settings.get('User')).toBe(`consilium-${name}`);
    expect(Object.fromEntries(settings)).toMatchObject({
      NoNewPrivileges: 'yes',
      ProtectSystem: 'strict',
      ProtectHome: 'yes',
      CapabilityBoundingSet: '',
      StateDirectory: `consilium-${name}`,
      UMask: '0077',
      // The exit code of an end by SIGTERM.
      SuccessExitStatus: '143',
    });
  });

  it('calls a command that there is', () => {
    const words = (settings.get('ExecStart') ?? '').split(' ');
    expect(words[1]).toBe('/opt/consilium/dist/simulations/cli/consilium.js');
    expect(words[2]).toBe(name);
    expectKnown(command(), words.slice(3));
  });
});

describe.each(PARTIES)('the image of the $name', ({ folder, name, command }) => {
  const lines = readFileSync(join(ROOT, folder, 'Dockerfile'), 'utf8').split('\n');
  const argument = (instruction: string): string =>
    lines.findLast((line) => line.startsWith(`${instruction} `))?.slice(instruction.length + 1) ?? '';

  it('copies what there is, and runs as nobody special', () => {
    const copied = lines.filter((line) => line.startsWith('COPY ') && !line.includes('--from='));
    const sources = copied.flatMap((line) => line.split(' ').slice(1, -1));
    expect(sources).toContain('package-lock.json');
    for (const source of sources) expect(existsSync(join(ROOT, source)), source).toBe(true);
    expect(argument('USER')).toBe('consilium');
    expect(lines.join('\n')).not.toMatch(/--unsafe-perm|npm (ci|install)(?! --ignore-scripts)/);
  });

  it('calls a command that there is', () => {
    const entry: unknown = JSON.parse(argument('ENTRYPOINT'));
    expect(entry).toEqual(['node', 'dist/simulations/cli/consilium.js', name]);
    const words: unknown = JSON.parse(argument('CMD'));
    if (!Array.isArray(words)) throw new Error('CMD is a list');
    expectKnown(command(), words.map(String));
  });
});
