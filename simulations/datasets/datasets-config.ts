/** Where downloaded datasets are kept. The one place here that reads the environment. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** `$CONSILIUM_CACHE`, else `$XDG_CACHE_HOME/consilium`, else `~/.cache/consilium`. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const own = env['CONSILIUM_CACHE'];
  if (own !== undefined && own !== '') return own;
  const shared = env['XDG_CACHE_HOME'];
  return join(shared !== undefined && shared !== '' ? shared : join(homedir(), '.cache'), 'consilium');
}
