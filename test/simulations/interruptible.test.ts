/** The exit code tells a service manager whether it is worth trying again. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DataError, EngineError, GraphError, InputError, StorageError } from '../../shared/errors.ts';
import { runInterruptible } from '../../simulations/interruptible.ts';

let before: typeof process.exitCode;
let said: string;
beforeEach(() => {
  before = process.exitCode;
  process.exitCode = undefined;
  said = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = before;
});

it.each<[unknown, number, string]>([
  [new InputError('--port: no number'), 2, 'error: --port: no number\n'],
  [new DataError('a.png: not a PNG'), 2, 'error: a.png: not a PNG\n'],
  [new GraphError('no such operator'), 2, 'error: no such operator\n'],
  [new StorageError('the database is not up'), 1, 'error: the database is not up\n'],
  [new EngineError('no memory'), 1, 'error: no memory\n'],
  ['a text', 1, 'a text\n'],
])('after %s it is %d', async (error, code, text) => {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whatever is thrown ends the program
  await runInterruptible(() => Promise.reject(error));
  expect([process.exitCode, said]).toEqual([code, text]);
});

it('after a failure that has set one it stays', async () => {
  await runInterruptible(() => {
    process.exitCode = 130;
    return Promise.reject(new StorageError('x'));
  });
  expect(process.exitCode).toBe(130);
});
