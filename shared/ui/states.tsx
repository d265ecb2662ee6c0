/** What stands in the place of content: not yet there, empty, or not to be had. */
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { explain } from './query.ts';

/** As high as what comes, so that nothing moves when it does. @param height in px */
export function Skeleton({
  height = 20,
  width = '100%',
}: {
  readonly height?: number;
  readonly width?: string;
}) {
  return <span className="skeleton" style={{ height, width }} aria-hidden="true" />;
}

export interface LoadingProps {
  readonly what: string;
  readonly rows?: number;
  readonly rowHeight?: number;
}

export function Loading({ what, rows = 4, rowHeight = 32 }: LoadingProps) {
  return (
    <div className="stack tight" role="status" aria-label={`Loading ${what}`}>
      {Array.from({ length: rows }, (_, i) => (
        <Skeleton key={i} height={rowHeight} />
      ))}
    </div>
  );
}

export interface EmptyProps {
  readonly title: string;
  /** What to do next. */
  readonly children: ReactNode;
  readonly actions?: ReactNode;
}

export function Empty({ title, children, actions }: EmptyProps) {
  return (
    <div className="empty">
      <p className="strong">{title}</p>
      <p>{children}</p>
      {actions !== undefined && <div className="cluster">{actions}</div>}
    </div>
  );
}

export interface ErrorPanelProps {
  readonly error: unknown;
  /** As in `… cannot be shown`. */
  readonly what: string;
  readonly onRetry?: () => void;
}

export function ErrorPanel({ error, what, onRetry }: ErrorPanelProps) {
  const { message, advice } = explain(error);
  return (
    <div className="note bad" role="alert">
      <p className="strong">{what} cannot be shown</p>
      <p>{message}</p>
      <p>{advice}</p>
      {onRetry && (
        <div className="cluster">
          <Button size="small" onPress={onRetry}>
            Try again
          </Button>
        </div>
      )}
    </div>
  );
}

export interface LoadedProps<Answer> {
  readonly query: UseQueryResult<Answer>;
  readonly what: string;
  readonly rows?: number;
  readonly rowHeight?: number;
  readonly children: (answer: Answer) => ReactNode;
}

/** A query's answer once it is there. What was shown stays while it is asked for again, a failure of that included. */
export function Loaded<Answer>({ query, what, rows = 4, rowHeight = 32, children }: LoadedProps<Answer>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error)
    return (
      <ErrorPanel
        error={query.error}
        what={what}
        onRetry={() => {
          void query.refetch();
        }}
      />
    );
  return <Loading what={what} rows={rows} rowHeight={rowHeight} />;
}
