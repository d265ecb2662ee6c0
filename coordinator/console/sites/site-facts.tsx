/** What is said of a site in more than one place. */
import { count } from '../../../shared/ui/format.ts';
import { Badge } from '../../../shared/ui/panels.tsx';
import { RelativeTime } from '../../../shared/ui/values.tsx';
import type { DisclosedCount } from '../../../shared/protocol/site-about.ts';
import type { SiteView } from '../../http/api/site-views.ts';
import { SITE_STATUS_WORDS } from '../words.ts';

export function SiteBadge({ status }: { readonly status: SiteView['status'] }) {
  const { label, tone } = SITE_STATUS_WORDS[status];
  return <Badge tone={tone}>{label}</Badge>;
}

export function Connection({ site: { isConnected, status, lastContactAt } }: { readonly site: SiteView }) {
  const tone = isConnected ? 'good' : status === 'active' ? 'warn' : '';
  return (
    <span className="live-state">
      <span className={`dot ${tone}`} aria-hidden="true" />
      {isConnected ? (
        'Online'
      ) : (
        <span>
          {lastContactAt === null ? 'Never online' : 'Offline, seen '}
          {lastContactAt !== null && <RelativeTime at={lastContactAt} />}
        </span>
      )}
    </span>
  );
}

/** An exact number, an order of magnitude, or that the site's policy tells neither. */
export function disclosed(told: DisclosedCount | undefined) {
  if (!told) return <span className="quiet">not told</span>;
  return told.low === told.high ? count(told.low) : `${count(told.low)}–${count(told.high)}`;
}
