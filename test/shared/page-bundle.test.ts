/** Pages of ours are bundled from their sources, with names that change with their content. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundlePage, type PageBundle } from '../../shared/page-bundle.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'consilium-page-'));
  writeFileSync(join(folder, 'style.css'), 'body { color: red }');
  writeFileSync(join(folder, 'later.tsx'), `export const later = '${'rarely '.repeat(5000)}';`);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function bundled(says: string): Promise<PageBundle> {
  writeFileSync(
    join(folder, 'main.tsx'),
    `import './style.css';\ndocument.title = '${says}';\nvoid import('./later.tsx').then(({ later }) => later);`,
  );
  return bundlePage({ entry: pathToFileURL(join(folder, 'main')), title: 'A page' });
}

const textOf = ({ files }: PageBundle, path: string): string =>
  Buffer.from(files.get(path)?.bytes ?? []).toString();
const namesOf = ({ files }: PageBundle, end: string): string[] =>
  [...files.keys()].filter((name) => name.endsWith(end));

describe('a bundled page', () => {
  it('names its program and style, and loads nothing else at first', async () => {
    const page = await bundled('hello');
    const html = textOf(page, '/index.html');
    expect(html).toContain('<title>A page</title>');
    expect(html.match(/(?:src|href)="\/[^"]+"/g)).toHaveLength(2);
    const [, program = ''] = /<script type="module" src="([^"]+)"/.exec(html) ?? [];
    expect(textOf(page, program)).toContain('hello');
    for (const [, path = ''] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g))
      expect(page.files.has(path)).toBe(true);
    expect(html).not.toMatch(/<script[^>]*>[^<]|style=/);
    expect(namesOf(page, '.js')).toHaveLength(2);
    const eager = [...page.files].filter(([name]) => name === '/index.html' || html.includes(name));
    expect(page.firstLoadBytes).toBe(eager.reduce((sum, [, { gzip }]) => sum + gzip.length, 0));
    for (const { bytes, gzip } of page.files.values()) expect(gunzipSync(gzip).equals(bytes)).toBe(true);
  });

  it('has the same names for the same content, others for other content', async () => {
    const [first, again, changed] = [await bundled('one'), await bundled('one'), await bundled('two')];
    expect([...again.files.keys()]).toEqual([...first.files.keys()]);
    expect(namesOf(changed, '.js')).not.toEqual(namesOf(first, '.js'));
    expect(namesOf(changed, '.css')).toEqual(namesOf(first, '.css'));
  });

  it('says which entry does not compile', async () => {
    writeFileSync(join(folder, 'main.tsx'), 'const = 1');
    await expect(bundlePage({ entry: pathToFileURL(join(folder, 'main')), title: '' })).rejects.toThrow(
      /main\.tsx cannot be bundled/,
    );
  });
});
