/** The house's directions, read from the import statements themselves: lint can be switched off in a line, this cannot. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const FOLDERS = ['shared', 'coordinator', 'client', 'simulations'] as const;
type Folder = (typeof FOLDERS)[number];

const MAY_IMPORT: Readonly<Record<Folder, readonly Folder[]>> = {
  shared: ['shared'],
  coordinator: ['coordinator', 'shared'],
  client: ['client', 'shared'],
  simulations: ['simulations', 'coordinator', 'client', 'shared'],
};

/** Package → the only folder whose files may import it for use; types may be imported anywhere. */
const HOMES: Readonly<Record<string, string>> = {
  'onnxruntime-node': 'shared/learning/engines',
  'onnxruntime-web': 'shared/learning/engines',
  '@tensorflow/tfjs': 'shared/learning/engines',
  '@tensorflow/tfjs-node': 'shared/learning/engines',
  '@tensorflow/tfjs-node-gpu': 'shared/learning/engines',
  tweetnacl: 'shared/crypto',
  protobufjs: 'shared/learning/graph',
  'shamir-secret-sharing': 'shared/secagg',
  'socket.io': 'coordinator/transport',
  'socket.io-client': 'client/transport',
};
/** As lint says: folders beside the home. */
const SECOND_HOMES: Readonly<Record<string, string>> = {
  protobufjs: 'simulations/tensorboard',
  'socket.io-client': 'shared/ui',
  'socket.io': 'client/ui',
};

const TOP_LEVEL = ['package.json', 'tsconfig.json', ...FOLDERS, 'test', 'README.md', 'LICENSE'];
/** Files of tools that look for them at the root. */
const TOOL_FILES = ['package-lock.json', 'tsconfig.build.json', 'eslint.config.js', 'vitest.config.ts'];
const IGNORED = ['node_modules', 'dist', 'runs', 'coverage', 'screenshots'];

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(tsx?|mjs)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

interface Import {
  readonly file: string;
  readonly from: string;
  readonly typeOnly: boolean;
}

const STATEMENT = /^(?:import|export)\s+(type\s+)?[^'"`;]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  return [...text.matchAll(STATEMENT)].map((match) => ({
    file,
    from: match[2] ?? match[3] ?? '',
    typeOnly: match[1] !== undefined,
  }));
}

const files = FOLDERS.flatMap((folder) => sources(folder));
const imports = files.flatMap(importsOf);

describe('the house', () => {
  it('has the fixed top level', () => {
    const found = readdirSync(root).filter((name) => !name.startsWith('.') && !IGNORED.includes(name));
    expect(found.filter((name) => ![...TOP_LEVEL, ...TOOL_FILES].includes(name))).toEqual([]);
    expect(files.length).toBeGreaterThan(50);
  });

  it.each(FOLDERS)('%s imports only what lies below it', (folder) => {
    const wrong = imports
      .filter(({ file, from }) => file.startsWith(`${folder}/`) && from.startsWith('.'))
      .map(({ file, from }) => ({ file, target: relative(root, resolve(root, dirname(file), from)) }))
      .filter(({ target }) => !MAY_IMPORT[folder].some((allowed) => target.startsWith(`${allowed}/`)))
      .map(({ file, target }) => `${file} → ${target}`);
    expect(wrong).toEqual([]);
  });

  it('keeps each heavy dependency in its one home', () => {
    const wrong = imports
      .filter(({ typeOnly }) => !typeOnly)
      .filter(({ file, from }) => {
        const home = HOMES[from];
        const second = SECOND_HOMES[from];
        if (second !== undefined && file.startsWith(`${second}/`)) return false;
        return home !== undefined && !file.startsWith(`${home}/`);
      })
      .map(({ file, from }) => `${file} uses ${from}`);
    expect(wrong).toEqual([]);
  });

  it('reads the environment only in config files', () => {
    const wrong = files.filter(
      (file) => readFileSync(join(root, file), 'utf8').includes('process.env') && !/config\.ts$/.test(file),
    );
    expect(wrong).toEqual([]);
  });

  it('takes time and randomness from their one source', () => {
    const wrong = files.filter(
      (file) =>
        !['shared/clock.ts', 'shared/rng.ts'].includes(file) &&
        /Math\.random\(|Date\.now\(|new Date\(\)|setTimeout\(|performance\.now\(/.test(
          readFileSync(join(root, file), 'utf8'),
        ),
    );
    expect(wrong).toEqual([]);
  });

  it('has no file over 400 lines', () => {
    const long = files.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 401);
    expect(long).toEqual([]);
  });
});
