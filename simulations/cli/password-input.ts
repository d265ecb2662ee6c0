/** A password from the terminal, without echo, or from standard input. Never from an argument: other users see those. */
import { InputError } from '../../shared/errors.ts';

const MAX_CHARS = 1024;
const ENTER = ['\r', '\n'];
const INTERRUPT = '\u0003';
const ERASE = ['\u007f', '\b'];

/** What a terminal is to us. */
export interface PasswordSource extends AsyncIterable<Buffer | string> {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

/** @param say writes to the person. @throws InputError when there is none, or two that differ */
export async function readPassword(source: PasswordSource, say: (text: string) => void): Promise<string> {
  if (!source.isTTY) return firstLine(source);
  source.setRawMode?.(true);
  try {
    const lines = typedLines(source);
    say('password: ');
    const first = await nextLine(lines);
    say('\nagain: ');
    const second = await nextLine(lines);
    say('\n');
    if (first !== second) throw new InputError('the two passwords differ; nothing was changed');
    await lines.return(undefined);
    return first;
  } finally {
    source.setRawMode?.(false);
  }
}

async function firstLine(source: PasswordSource): Promise<string> {
  let text = '';
  for await (const piece of source) {
    text += piece.toString();
    if (text.includes('\n') || text.length > MAX_CHARS) break;
  }
  const [line = ''] = text.split(/\r?\n/);
  if (line === '')
    throw new InputError('no password came: type it at a terminal, or pipe it to this command');
  return line;
}

async function nextLine(lines: AsyncGenerator<string, void>): Promise<string> {
  const next = await lines.next();
  if (next.done === true) throw new InputError('no password was typed; nothing was changed');
  return next.value;
}

/** Lines as they are typed in raw mode, where nobody but us reads the keys. */
async function* typedLines(source: PasswordSource): AsyncGenerator<string, void> {
  let line = '';
  for await (const piece of source) {
    for (const key of piece.toString()) {
      if (key === INTERRUPT) throw new InputError('interrupted; nothing was changed');
      if (ENTER.includes(key)) {
        yield line;
        line = '';
      } else if (ERASE.includes(key)) line = Array.from(line).slice(0, -1).join('');
      else if (line.length < MAX_CHARS) line += key;
    }
  }
}
