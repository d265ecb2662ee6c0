/**
 * The values that a model keeps in files beside it (onnx/docs/ExternalData.md). The model is untrusted: a location must
 * be a relative path that stays, links resolved, inside the model's own folder.
 */
import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { GraphError, messageOf } from '../../errors.ts';
import { quoted } from '../graph/onnx-limits.ts';
import type { ExternalData } from './tensor-values.ts';

/** @throws GraphError unless the path is relative and has no step out of the folder. */
function requireInside(location: string): void {
  // Both separators, because a file may come from another system.
  const steps = location.split(/[/\\]/);
  if (
    location === '' ||
    location.includes('\0') ||
    isAbsolute(location) ||
    /^[A-Za-z]:/.test(location) ||
    steps.includes('..')
  )
    throw new GraphError(
      `The model refers to the file ${quoted(location)}, which is not inside the model's folder.`,
    );
}

/** The file's own path, links resolved. @throws GraphError when it is missing or leads out of the folder. */
function resolveInside(folder: string, location: string): string {
  requireInside(location);
  let path: string;
  try {
    path = realpathSync(join(folder, location));
  } catch (cause) {
    throw new GraphError(
      `The model's values are in the file ${quoted(location)}, which is missing; put it beside the model.`,
      { cause },
    );
  }
  const inside = relative(realpathSync(folder), path);
  if (inside.startsWith(`..${sep}`) || inside === '..' || isAbsolute(inside))
    throw new GraphError(`The file ${quoted(location)} is a link that leads out of the model's folder.`);
  return path;
}

function readPart(path: string, offset: number, length: number): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const stat = fstatSync(file);
    // Checked before anything is allocated for what the model promises.
    if (!stat.isFile() || offset + length > stat.size) return new Uint8Array(0);
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const count = readSync(file, bytes, done, length - done, offset + done);
      if (count === 0) return new Uint8Array(0);
      done += count;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}

/** Reads the files beside a model. @param folder the model's own folder */
export function externalDataIn(folder: string): ExternalData {
  return (location, offset, length) => {
    const path = resolveInside(folder, location);
    try {
      return readPart(path, offset, length);
    } catch (cause) {
      throw new GraphError(`The file ${quoted(location)} cannot be read: ${messageOf(cause)}`, { cause });
    }
  };
}
