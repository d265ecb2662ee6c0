/**
 * Text that is being written, kept as long as the page is loaded: neither a look at another page nor a session that ends
 * costs it.
 */
import { useState } from 'react';

const kept = new Map<string, string>();

export interface KeptText {
  readonly text: string;
  readonly isChanged: boolean;
  readonly setText: (text: string) => void;
  /** Back to how it began. */
  readonly startOver: () => void;
}

/** @param key whose text it is, and of what */
export function useKeptText(key: string, initial: string): KeptText {
  const [text, show] = useState(() => kept.get(key) ?? initial);
  return {
    text,
    isChanged: text !== initial,
    setText: (next) => {
      kept.set(key, next);
      show(next);
    },
    startOver: () => {
      kept.delete(key);
      show(initial);
    },
  };
}
