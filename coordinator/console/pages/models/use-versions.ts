/** All versions of models, newest first, page by page. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useApi } from '../../../../shared/ui/data.tsx';
import { modelsPath } from '../../run-paths.ts';

export function useVersions() {
  const api = useApi();
  return useInfiniteQuery({
    queryKey: [modelsPath(0), 'pages'],
    queryFn: ({ pageParam, signal }) => api.get(modelsPath(pageParam), signal),
    initialPageParam: 0,
    getNextPageParam: ({ next }) => next ?? undefined,
    meta: { topics: ['models'] },
  });
}
