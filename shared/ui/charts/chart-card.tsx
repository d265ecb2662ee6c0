/** A card around charts, which bring their own titles. */
import type { ReactNode } from 'react';

export function ChartCard({ children }: { readonly children: ReactNode }) {
  return (
    <div className="card">
      <div className="card-body stack">{children}</div>
    </div>
  );
}
