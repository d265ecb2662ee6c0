/** The round that is being made, as the live events tell it between two answers of the API. */
import { useState } from 'react';
import { systemClock } from '../../shared/clock.ts';
import { useLiveEvent } from '../../shared/ui/data.tsx';
import type { LiveEvent } from '../http/api/live-views.ts';
import type { Progress } from '../http/api/round-views.ts';

type ProgressEvent = Extract<LiveEvent, { topic: 'progress' }>;

/** The last progress event of each run that this component has seen. */
export function useLiveProgress(): ReadonlyMap<string, Progress> {
  const [progress, setProgress] = useState<ReadonlyMap<string, Progress>>(() => new Map());
  useLiveEvent<ProgressEvent>('progress', (event) => {
    setProgress((present) => new Map(present).set(event.runId, event));
  });
  return progress;
}

/** The server's time less this browser's, as it was when `progress` came. */
export function useServerOffset(serverNowMs: number | undefined): number {
  const [known, setKnown] = useState<{ readonly serverNowMs: number; readonly offsetMs: number }>();
  if (serverNowMs === undefined) return 0;
  if (known?.serverNowMs === serverNowMs) return known.offsetMs;
  const offsetMs = serverNowMs - systemClock.nowMs();
  setKnown({ serverNowMs, offsetMs });
  return offsetMs;
}
