/** Why an engine does not work, in one line for people. */
import { messageOf } from '../../errors.ts';

const MAX_CHARACTERS = 240;

/** First line of a native library's message, without the source position that ONNX Runtime puts before it. */
export function shortReason(text: string): string {
  const line = text.split('\n').find((part) => part.trim() !== '') ?? 'no message';
  const message = line.trim().replace(/\/\S+\.(cc|cpp|h):\d+ .*? was false\. /, '');
  return message.length > MAX_CHARACTERS ? `${message.slice(0, MAX_CHARACTERS)}…` : message;
}

/** What the library itself said, below the errors that this program wrapped around it. */
export function reasonOf(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  return shortReason(messageOf(inner));
}
