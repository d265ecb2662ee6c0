/**
 * The server's data in components: `useGet` asks and keeps the answer, the live events make it stale by topic, and
 * `useAct` changes something and says what came of it.
 */
import {
  QueryClient,
  QueryClientProvider,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import type { UseQueryResult } from '@tanstack/react-query';
import {
  createContext,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useSyncExternalStore,
  type ReactNode,
} from 'react';
import { systemClock } from '../clock.ts';
import { InvariantError } from '../errors.ts';
import type { Live, LiveEvent, LiveState } from './live.ts';
import { ApiError, explain, type Api, type Path } from './query.ts';
import { useToast } from './toasts.tsx';

interface Sources {
  readonly api: Api;
  /** Absent until somebody is logged in. */
  readonly live: Live | undefined;
}

const Context = createContext<Sources | undefined>(undefined);

/** Many events at once ask for the same answer once. */
const GATHER_MS = 200;
/** Without live events everything that is seen is asked for again so often. */
const POLL_MS = 15_000;
const MOST_TRIES = 2;

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // What the server has refused it refuses again.
        retry: (failures, error) =>
          failures < MOST_TRIES && error instanceof ApiError && (error.status === 0 || error.status >= 500),
        staleTime: 5000,
        refetchOnWindowFocus: true,
      },
    },
  });
}

export interface DataProviderProps extends Sources {
  readonly client: QueryClient;
  readonly children: ReactNode;
}

export function DataProvider({ api, live, client, children }: DataProviderProps) {
  const sources = useMemo(() => ({ api, live }), [api, live]);
  return (
    <Context value={sources}>
      <QueryClientProvider client={client}>
        <Freshness />
        {children}
      </QueryClientProvider>
    </Context>
  );
}

function useSources(): Sources {
  const sources = useContext(Context);
  if (!sources) throw new InvariantError('there is no DataProvider around this component');
  return sources;
}

export const useApi = (): Api => useSources().api;

const nothing = (): void => undefined;

export function useLiveState(): LiveState {
  const { live } = useSources();
  return useSyncExternalStore(
    (listener) => live?.onState(listener) ?? nothing,
    () => live?.state() ?? 'connecting',
  );
}

function useEveryEvent(handle: (event: LiveEvent) => void): void {
  const { live } = useSources();
  const latest = useRef(handle);
  useEffect(() => {
    latest.current = handle;
  }, [handle]);
  useEffect(
    () =>
      live?.onEvent((event) => {
        latest.current(event);
      }),
    [live],
  );
}

/** Calls `handle` for the live events of one topic, as long as the component is there: for those that hold figures. */
export function useLiveEvent<Event extends LiveEvent>(
  topic: Event['topic'],
  handle: (event: Event) => void,
): void {
  useEveryEvent((event) => {
    // Of this topic the server, which checks what it sends by its schema, sends no other form.
    if (event.topic === topic) handle(event as Event);
  });
}

const topicsOf = (meta: Record<string, unknown> | undefined): readonly unknown[] => {
  const topics = meta?.['topics'];
  return Array.isArray(topics) ? topics : [];
};

/** Makes stale what an event is about, and everything after the connection was lost. */
function Freshness() {
  const client = useQueryClient();
  const state = useLiveState();
  const gathered = useRef(new Set<string>());
  const wasLost = useRef(false);
  useEveryEvent(({ topic, runId }) => {
    if (gathered.current.size === 0)
      systemClock.schedule(GATHER_MS, () => {
        const topics = new Set<unknown>(gathered.current);
        gathered.current.clear();
        void client.invalidateQueries({
          predicate: ({ meta }) => topicsOf(meta).some((one) => topics.has(one)),
        });
      });
    gathered.current.add(topic);
    if (runId !== undefined) gathered.current.add(`${topic}:${runId}`);
  });
  useEffect(() => {
    if (state === 'live' && wasLost.current) void client.invalidateQueries();
    wasLost.current = state !== 'live' && (wasLost.current || state !== 'connecting');
  }, [client, state]);
  return null;
}

export interface GetOptions {
  /** Not asked for as long as this is false. */
  readonly isWanted?: boolean;
}

/** @param topics of the live events after which the answer is asked for again */
export function useGet<Answer>(
  path: Path<Answer>,
  topics: readonly string[],
  { isWanted = true }: GetOptions = {},
): UseQueryResult<Answer> {
  const api = useApi();
  const isLive = useLiveState() === 'live';
  return useQuery({
    queryKey: [path],
    queryFn: ({ signal }) => api.get(path, signal),
    meta: { topics },
    enabled: isWanted,
    refetchInterval: isLive ? false : POLL_MS,
  });
}

export interface Act<Input> {
  /** @throws what the server refused with */
  readonly run: (input: Input) => Promise<void>;
  /** As `run`, with the failure in `error` and as a message. */
  readonly start: (input: Input) => void;
  readonly isBusy: boolean;
  readonly error: unknown;
}

export interface ActOptions<Input, Answer> {
  /** What is done, in words, for the message. */
  readonly done?: (answer: Answer, input: Input) => string | undefined;
  readonly then?: (answer: Answer, input: Input) => void;
}

/** Something that changes the server's state; afterwards everything that is seen is asked for again. */
export function useAct<Input = void, Answer = unknown>(
  act: (api: Api, input: Input) => Promise<Answer>,
  { done, then }: ActOptions<Input, Answer> = {},
): Act<Input> {
  const api = useApi();
  const client = useQueryClient();
  const show = useToast();
  const { mutateAsync, isPending, error } = useMutation({
    mutationFn: (input: Input) => act(api, input),
    onSuccess: (answer, input) => {
      const words = done?.(answer, input);
      if (words !== undefined) show(words);
      then?.(answer, input);
      void client.invalidateQueries();
    },
  });
  const run = async (input: Input): Promise<void> => {
    await mutateAsync(input);
  };
  return {
    run,
    start: (input) => {
      run(input).catch((failure: unknown) => {
        show(explain(failure).message, 'bad');
      });
    },
    isBusy: isPending,
    error,
  };
}
