/** The entries that a search finds, page by page, newest first. */
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { systemClock } from '../../../shared/clock.ts';
import { useApi, useLiveEvent } from '../../../shared/ui/data.tsx';
import type { LedgerEntry } from '../../http/api/ledger-views.ts';
import { ledgerSearchPath } from '../paths.ts';
import { searchQuery, type LedgerFilter } from './ledger-filter.ts';

/** Beyond so many pages new entries are not fetched by themselves: who reads far back is not disturbed. */
const RENEWED_PAGES = 2;
const TYPING_MS = 300;

/** `value` once it has not changed for a moment. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(
    () =>
      systemClock.schedule(TYPING_MS, () => {
        setSettled(value);
      }),
    [value],
  );
  return settled;
}

export interface LedgerSearch {
  readonly entries: readonly LedgerEntry[] | undefined;
  /** Of the whole ledger. */
  readonly total: number;
  readonly error: unknown;
  readonly isLoading: boolean;
  readonly hasMore: boolean;
  /** There are newer entries than those shown. */
  readonly isBehind: boolean;
  readonly loadMore: () => void;
  readonly renew: () => void;
}

export function useLedger(filter: LedgerFilter): LedgerSearch {
  const api = useApi();
  const client = useQueryClient();
  const settled = useSettled(filter);
  const [isBehind, setBehind] = useState(false);
  const queryKey = useMemo(() => ['ledger', settled], [settled]);
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) => api.get(ledgerSearchPath(searchQuery(settled, pageParam)), signal),
    // The type argument only widens: the first page has no number.
    initialPageParam: undefined as number | undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    placeholderData: (before) => before,
  });
  const { data, fetchNextPage, hasNextPage, isFetchingNextPage, refetch } = query;
  useLiveEvent('ledger', () => {
    if ((data?.pages.length ?? 0) > RENEWED_PAGES) setBehind(true);
    else void refetch();
  });
  const entries = useMemo(() => data?.pages.flatMap((page) => page.entries), [data]);
  return {
    entries,
    total: data?.pages[0]?.total ?? 0,
    error: query.error,
    isLoading: query.isFetching,
    hasMore: hasNextPage,
    isBehind,
    loadMore: () => {
      if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
    },
    renew: () => {
      setBehind(false);
      void client.resetQueries({ queryKey });
    },
  };
}
