/** Last step of `npm run build`: what the compiler leaves behind, the pages' styles, goes beside the compiled programs. */
import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const PAGES = ['shared/ui', 'coordinator/console', 'client/ui/page'];

for (const page of PAGES) {
  const names = await readdir(page, { recursive: true });
  for (const name of names.filter((file) => file.endsWith('.css')))
    await copyFile(join(page, name), join('dist', page, name));
}
