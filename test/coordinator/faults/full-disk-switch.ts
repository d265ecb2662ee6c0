/**
 * Lets a durable write of this process fail as on a full disk: the commit of a transaction (SQLITE_FULL) or the writing of a
 * file (ENOSPC). Writes are counted from the beginning of a round on, as those are that a run depends on. What was opened
 * before the test keeps its own functions.
 */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import Libsql from 'libsql';

/** The number of the write, from 0, that does not happen; undefined: all do. */
let failAt: number | undefined;
let count: number | undefined;
let labels: string[] = [];

/** Counts again from the next round that begins. */
export function failWrite(number: number | undefined): void {
  failAt = number;
  count = undefined;
  labels = [];
}

/** Of the writes since the round began, the one that failed last. */
export const countedWrites = (): readonly string[] => labels;

const full = (code: string, text: string): Error => Object.assign(new Error(text), { code });

function isNow(label: string): boolean {
  if (count === undefined) return false;
  labels.push(label);
  return count++ === failAt;
}

type Statement = Record<'run' | 'all', (...values: readonly unknown[]) => unknown>;
type Prepare = (this: unknown, text: string) => Statement;
type Open = (path: string, flags?: string, mode?: number) => Promise<fs.FileHandle>;

function installInDatabase(): () => void {
  // The library's types know nothing of its prototype.
  const prototype = (Libsql as unknown as { prototype: { prepare: Prepare } }).prototype;
  const { prepare } = prototype;
  let changed: string[] | undefined;
  prototype.prepare = function (text) {
    const statement = prepare.call(this, text);
    const table = /^(?:insert into|update|delete from) "(\w+)"/.exec(text)?.[1];
    if (text.startsWith('begin')) changed = [];
    else if (table !== undefined) changed?.push(`${text.slice(0, 6)} ${table}`);
    if (text !== 'commit') return statement;
    const label = `commit of ${(changed ?? []).join(', ')}`;
    if (changed?.includes('delete journal')) count ??= 0;
    changed = undefined;
    for (const name of ['run', 'all'] as const) {
      const original = statement[name].bind(statement);
      statement[name] = (...values) => {
        if (isNow(label)) throw full('SQLITE_FULL', 'database or disk is full');
        return original(...values);
      };
    }
    return statement;
  };
  return () => {
    prototype.prepare = prepare;
  };
}

function installInFiles(): () => void {
  const { open } = fs;
  // Of the forms of `open` only the one that writes a file is replaced.
  const replaced: Open = async (path, flags, mode) => {
    const file = await open(path, flags, mode);
    if (flags === 'wx' && isNow(`file beside ${path.replace(/[^/]*$/, '')}`))
      file.writeFile = () => Promise.reject(full('ENOSPC', 'ENOSPC: no space left on device, write'));
    return file;
  };
  fs.open = replaced as typeof open;
  syncBuiltinESMExports();
  return () => {
    fs.open = open;
    syncBuiltinESMExports();
  };
}

/** Until the returned function is called. */
export function installFullDisk(): () => void {
  const [database, files] = [installInDatabase(), installInFiles()];
  return () => {
    failWrite(undefined);
    database();
    files();
  };
}
