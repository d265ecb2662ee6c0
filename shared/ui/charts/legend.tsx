/** Names of series with their looks; each hides or shows its series. */
import type { SeriesStyle } from './series-style.ts';

export interface LegendItem {
  readonly name: string;
  readonly style: SeriesStyle;
  /** The value under the pointer, or what stands for the whole series. */
  readonly value?: string | undefined;
}

interface LegendProps {
  readonly items: readonly LegendItem[];
  readonly hidden: ReadonlySet<string>;
  readonly onToggle: (name: string) => void;
}

export function Swatch({ style }: { readonly style: SeriesStyle }) {
  return (
    <svg width="22" height="10" viewBox="0 0 22 10" aria-hidden="true">
      <path d="M0 5H22" stroke={style.colour} strokeWidth="2.5" strokeDasharray={style.dash.join(' ')} />
    </svg>
  );
}

export function Legend({ items, hidden, onToggle }: LegendProps) {
  return (
    <ul className="chart-legend">
      {items.map(({ name, style, value }) => (
        <li key={name}>
          <button
            type="button"
            aria-pressed={!hidden.has(name)}
            onClick={() => {
              onToggle(name);
            }}
          >
            <Swatch style={style} />
            <span className="chart-name">{name}</span>
            {value !== undefined && <span className="chart-value">{value}</span>}
          </button>
        </li>
      ))}
    </ul>
  );
}

/** With `name` if it was not there, without it if it was. */
export function toggled(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const next = new Set(names);
  if (!next.delete(name)) next.add(name);
  return next;
}
