/** What a new list of sites changes, in words for the people of the hospital who are about to accept it. */
import type { SignedRoster } from '../../shared/protocol/roster.ts';

type Sites = Pick<SignedRoster, 'sites'>;

/** Nothing before the first list, whose sites are all new, and for the same list. */
export function rosterDifference(before: Sites | undefined, now: Sites): readonly string[] {
  if (!before) return [];
  const known = new Map(before.sites.map(({ siteId, publicKey }) => [siteId, publicKey]));
  const present = new Set(now.sites.map(({ siteId }) => siteId));
  const lineOf = (what: string, siteIds: readonly string[]): readonly string[] =>
    siteIds.length === 0 ? [] : [`${what}: ${siteIds.join(', ')}`];
  const idsOf = ({ sites }: Sites, isMeant: (site: Sites['sites'][number]) => boolean): readonly string[] =>
    sites.filter(isMeant).map(({ siteId }) => siteId);
  return [
    ...lineOf(
      'new',
      idsOf(now, ({ siteId }) => !known.has(siteId)),
    ),
    ...lineOf(
      'no longer there',
      idsOf(before, ({ siteId }) => !present.has(siteId)),
    ),
    ...lineOf(
      'with another key than before',
      idsOf(now, ({ siteId, publicKey }) => known.has(siteId) && known.get(siteId) !== publicKey),
    ),
  ];
}
