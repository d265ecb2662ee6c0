/**
 * Bundles a page of ours (its program, its style and its lazily loaded parts) in memory, with hashed names, compressed once,
 * so that a server hands it out without a build step. The same call works on the sources and on what is shipped.
 */
import { basename, dirname, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Metafile } from 'esbuild';
import { InputError } from './errors.ts';

/** One file that a server answers with. */
export interface PageFile {
  readonly contentType: string;
  readonly bytes: Uint8Array;
  readonly gzip: Uint8Array;
  /** Its name holds the hash of its content: it never changes. */
  readonly isImmutable: boolean;
}

export interface PageBundle {
  /** Path from the root of the server, as `/assets/app-XYZ.js`, to its file; `/index.html` is among them. */
  readonly files: ReadonlyMap<string, PageFile>;
  /** What the first view loads, compressed, in bytes: the page itself, its program, its style. */
  readonly firstLoadBytes: number;
}

export interface PageSource {
  /** The entry without its extension, from the module that asks, as `new URL('../console/main', import.meta.url)`. */
  readonly entry: URL;
  readonly title: string;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

function pageFile(bytes: Uint8Array, contentType: string, isImmutable: boolean): PageFile {
  return { bytes, contentType, isImmutable, gzip: gzipSync(bytes, { level: 9 }) };
}

/** Everything that `name` loads before it runs: itself and what it imports other than on demand. */
function eagerly(outputs: Metafile['outputs'], name: string, seen = new Set<string>()): ReadonlySet<string> {
  const output = outputs[name];
  if (!output || seen.has(name)) return seen;
  seen.add(name);
  if (output.cssBundle !== undefined) seen.add(output.cssBundle);
  for (const { path, kind } of output.imports) if (kind === 'import-statement') eagerly(outputs, path, seen);
  return seen;
}

function pageHtml(title: string, names: readonly string[], entry: string): string {
  const styles = names.filter((name) => name.endsWith('.css'));
  const parts = names.filter((name) => name.endsWith('.js') && name !== entry);
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${title}</title>`,
    '<link rel="icon" href="data:,">',
    ...styles.map((name) => `<link rel="stylesheet" href="/${name}">`),
    ...parts.map((name) => `<link rel="modulepreload" href="/${name}">`),
    `<script type="module" src="/${entry}"></script>`,
    '</head>',
    '<body><div id="root"></div><noscript>This page needs JavaScript.</noscript></body>',
    '</html>',
    '',
  ].join('\n');
}

/** @throws InputError when the entry does not compile */
export async function bundlePage({ entry, title }: PageSource): Promise<PageBundle> {
  // Sources run as they are; what is shipped is compiled beside this file.
  const extension = extname(import.meta.url) === '.ts' ? '.tsx' : '.js';
  const entryPath = fileURLToPath(entry) + extension;
  const { outputFiles, metafile } = await build({
    entryPoints: [{ in: entryPath, out: 'app' }],
    ...{ bundle: true, splitting: true, write: false, metafile: true, minify: true },
    ...{ format: 'esm', platform: 'browser', target: 'es2022', jsx: 'automatic' },
    ...{ outdir: 'assets', absWorkingDir: dirname(entryPath), publicPath: '/assets' },
    ...{ entryNames: '[name]-[hash]', chunkNames: 'part-[hash]', assetNames: '[name]-[hash]' },
    ...{ legalComments: 'none', logLevel: 'silent' },
  }).catch((cause: unknown) => {
    throw new InputError(`${entryPath} cannot be bundled`, { cause });
  });
  const named = outputFiles.map(({ path, contents }) => ({ name: `assets/${basename(path)}`, contents }));
  // Parts that are loaded on demand have an entry point too.
  const [entryName] =
    Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === basename(entryPath)) ?? [];
  if (entryName === undefined) throw new InputError(`${entryPath} gave no program`);
  const first = [...eagerly(metafile.outputs, entryName)];
  const files = new Map(
    named.map(({ name, contents }) => [
      `/${name}`,
      pageFile(contents, CONTENT_TYPES[extname(name)] ?? 'application/octet-stream', true),
    ]),
  );
  const html = Buffer.from(pageHtml(title, first, entryName));
  const index = pageFile(html, 'text/html; charset=utf-8', false);
  files.set('/index.html', index);
  const firstLoadBytes = first.reduce(
    (sum, name) => sum + (files.get(`/${name}`)?.gzip.length ?? 0),
    index.gzip.length,
  );
  return { files, firstLoadBytes };
}
