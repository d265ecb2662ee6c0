/** A text area with line numbers that can be sent to a line. */
import { useEffect, useId, useRef } from 'react';

export interface Place {
  /** From 1. */
  readonly line: number;
  /** Counts, so that the same line can be gone to again. */
  readonly visit: number;
}

interface CodeAreaProps {
  readonly label: string;
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly place: Place | undefined;
  readonly problemLines: readonly number[];
}

/** As in plans.css. */
const LINE_PX = 21;

export function CodeArea({ label, text, onChange, place, problemLines }: CodeAreaProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const numbers = useRef<HTMLDivElement>(null);
  const id = useId();
  const lines = text.split('\n');
  const latest = useRef(lines);
  useEffect(() => {
    latest.current = lines;
  });
  useEffect(() => {
    if (!place || !area.current) return;
    const before = latest.current.slice(0, place.line - 1);
    const start = before.reduce((sum, line) => sum + line.length + 1, 0);
    area.current.focus();
    area.current.setSelectionRange(start, start + (latest.current[place.line - 1]?.length ?? 0));
    area.current.scrollTop = Math.max(0, (place.line - 5) * LINE_PX);
  }, [place]);
  return (
    <div className="code-area">
      <label htmlFor={id} className="visually-hidden">
        {label}
      </label>
      <div ref={numbers} className="code-lines" aria-hidden="true">
        {lines.map((_, i) => (
          <span key={i} className={problemLines.includes(i + 1) ? 'wrong' : undefined}>
            {i + 1}
          </span>
        ))}
      </div>
      <textarea
        ref={area}
        id={id}
        value={text}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="off"
        wrap="off"
        aria-invalid={problemLines.length > 0 || undefined}
        onChange={(event) => {
          onChange(event.target.value);
        }}
        onScroll={(event) => {
          if (numbers.current) numbers.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
    </div>
  );
}
