/** How the connection to the coordinator is. */
import { useNow } from '../../../../shared/ui/values.tsx';
import type { LinkView } from '../../../agent/site-monitor.ts';

export function LinkWords({ link }: { readonly link: LinkView | undefined }) {
  if (!link) return <>unknown</>;
  switch (link.kind) {
    case 'connecting':
      return <>Connecting</>;
    case 'connected':
      return <>Connected</>;
    case 'waiting':
      return <Waiting retryAtMs={link.retryAtMs} reason={link.reason} />;
  }
}

function Waiting({ retryAtMs, reason }: { readonly retryAtMs: number; readonly reason: string }) {
  const seconds = Math.max(0, Math.ceil((retryAtMs - useNow()) / 1000));
  return (
    <span title={reason}>
      Not connected
      <span className="figure-detail">
        {reason}; again in {String(seconds)} s
      </span>
    </span>
  );
}
