import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readPassword, type PasswordSource } from '../../../simulations/cli/password-input.ts';

const ignore = (): void => undefined;

/** A terminal on which somebody presses these keys, a few at a time. */
function terminal(...keys: string[]): { source: PasswordSource; raw: boolean[] } {
  const raw: boolean[] = [];
  const source = Object.assign(Readable.from(keys.map((key) => Buffer.from(key))), {
    isTTY: true,
    setRawMode: (on: boolean) => raw.push(on),
  });
  return { source, raw };
}

describe('a password', () => {
  it('is the first line of standard input', async () => {
    const piped = (text: string) => readPassword(Readable.from([Buffer.from(text)]), ignore);
    expect(await piped('correct horse\n')).toBe('correct horse');
    expect(await piped('correct horse')).toBe('correct horse');
    expect(await piped('correct horse\r\nmore')).toBe('correct horse');
    await expect(piped('')).rejects.toThrow('no password came');
    await expect(piped('\n')).rejects.toThrow('no password came');
  });

  it('is typed twice at a terminal that shows nothing of it', async () => {
    const { source, raw } = terminal('correkt', '\u007f\u007fct hor', 'se\rcorrect horse\r');
    const said: string[] = [];
    expect(await readPassword(source, (text) => said.push(text))).toBe('correct horse');
    expect(said.join('')).toBe('password: \nagain: \n');
    expect(raw).toEqual([true, false]);
  });

  it('is refused when the two differ, when none is typed, and when somebody gives up', async () => {
    for (const [keys, reason] of [
      [['one\r', 'two\r'], 'the two passwords differ'],
      [['one\r'], 'no password was typed'],
      [['on\u0003'], 'interrupted'],
    ] as const) {
      const { source, raw } = terminal(...keys);
      await expect(readPassword(source, ignore)).rejects.toThrow(reason);
      expect(raw.at(-1)).toBe(false);
    }
  });
});
