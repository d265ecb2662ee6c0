/** How far something has come, in words and as a bar. */
import type { ReactNode } from 'react';

export interface ProgressProps {
  readonly label: string;
  readonly value: number;
  readonly max: number;
  /** Beside the label, as `3 of 5 sites`. */
  readonly detail?: ReactNode;
}

export function Progress({ label, value, max, detail }: ProgressProps) {
  return (
    <div className="progress">
      <div className="cluster spread small">
        <span>{label}</span>
        <span className="quiet">{detail}</span>
      </div>
      <progress value={Math.min(value, max)} max={max} aria-label={label} />
    </div>
  );
}
