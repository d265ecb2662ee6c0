/** The surfaces that content stands on: cards, notes, figures, pairs of name and value, badges. */
import { useId, type ReactNode } from 'react';

export interface CardProps {
  readonly title: ReactNode;
  readonly detail?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  /** A table fills the card to its edges. */
  readonly isFlush?: boolean;
}

export function Card({ title, detail, actions, children, isFlush = false }: CardProps) {
  const id = useId();
  return (
    <section className="card" aria-labelledby={id}>
      <div className="card-head">
        <h2 id={id}>{title}</h2>
        {actions !== undefined && <div className="cluster">{actions}</div>}
        {detail !== undefined && <p>{detail}</p>}
      </div>
      <div className={isFlush ? 'card-body flush' : 'card-body'}>{children}</div>
    </section>
  );
}

export type Tone = 'neutral' | 'good' | 'warn' | 'bad' | 'info';

/** A state in a word; its colour only repeats what the word says. */
export function Badge({
  tone = 'neutral',
  children,
}: {
  readonly tone?: Tone;
  readonly children: ReactNode;
}) {
  return <span className={`badge ${tone}`}>{children}</span>;
}

export interface NoteProps {
  readonly tone?: 'info' | 'good' | 'warn' | 'bad';
  readonly title?: ReactNode;
  readonly children?: ReactNode;
  /** Read out when it appears. */
  readonly isLive?: boolean;
}

export function Note({ tone = 'info', title, children, isLive = false }: NoteProps) {
  return (
    <div className={`note ${tone}`} role={isLive ? (tone === 'bad' ? 'alert' : 'status') : undefined}>
      {title !== undefined && <p className="strong">{title}</p>}
      {children}
    </div>
  );
}

export interface Figure {
  readonly name: string;
  readonly value: ReactNode;
  readonly detail?: ReactNode;
}

/** A row of headline figures. */
export function Figures({ figures }: { readonly figures: readonly Figure[] }) {
  return (
    <dl className="figures">
      {figures.map(({ name, value, detail }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <span className="figure-value">{value}</span>
            <span className="figure-detail">{detail}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

export type Pair = readonly [name: string, value: ReactNode];

/** Names and values; a pair whose value is undefined is left out. */
export function KeyValues({ pairs }: { readonly pairs: readonly Pair[] }) {
  return (
    <dl className="key-values">
      {pairs
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [
          <dt key={`${name} name`}>{name}</dt>,
          <dd key={`${name} value`}>{value}</dd>,
        ])}
    </dl>
  );
}
