/** What is looked for in the ledger, as the reader enters it and as the coordinator is asked. */
export interface LedgerFilter {
  readonly text: string;
  readonly act: string;
  readonly actor: string;
  /** As `datetime-local` fields give them: in the reader's zone; empty: no bound. */
  readonly from: string;
  readonly to: string;
}

export const NO_FILTER: LedgerFilter = { text: '', act: '', actor: '', from: '', to: '' };

const PAGE_ENTRIES = 200;
export function searchQuery(filter: LedgerFilter, before: number | undefined): URLSearchParams {
  const query = new URLSearchParams({ limit: String(PAGE_ENTRIES) });
  for (const name of ['text', 'act', 'actor'] as const) {
    const value = filter[name].trim();
    if (value !== '') query.set(name, value);
  }
  for (const name of ['from', 'to'] as const) {
    const atMs = Date.parse(filter[name]);
    if (Number.isFinite(atMs)) query.set(name, new Date(atMs).toISOString());
  }
  if (before !== undefined) query.set('before', String(before));
  return query;
}
