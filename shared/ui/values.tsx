/** Single values in running text and tables: times with their zone, digests that can be copied, sizes with their unit. */
import { useEffect, useState } from 'react';
import { systemClock } from '../clock.ts';
import { Button } from './button.tsx';
import { bytes, count, dateTime, duration, figure, percent, relativeTime, shortDigest } from './format.ts';
import type { Interval, TimeParts } from './format.ts';
import { Icon } from './icons.tsx';

const COPIED_FOR_MS = 2000;

/** The time, renewed every `stepMs`. */
export function useNow(stepMs = 1000): number {
  const [nowMs, setNowMs] = useState(() => systemClock.nowMs());
  useEffect(
    () =>
      systemClock.schedule(stepMs, () => {
        setNowMs(systemClock.nowMs());
      }),
    [nowMs, stepMs],
  );
  return nowMs;
}

export interface TimeProps {
  /** ISO 8601, or milliseconds since the Unix epoch; null: never. */
  readonly at: string | number | null | undefined;
  readonly parts?: TimeParts;
  readonly ifNever?: string;
}

const msOf = (at: string | number): number => (typeof at === 'number' ? at : Date.parse(at));

export function Time({ at, parts = 'minute', ifNever = 'never' }: TimeProps) {
  if (at === null || at === undefined) return <span className="quiet">{ifNever}</span>;
  const atMs = msOf(at);
  if (!Number.isFinite(atMs)) return <span>{String(at)}</span>;
  return (
    <time dateTime={new Date(atMs).toISOString()} title={dateTime(atMs, 'second')} className="nowrap">
      {dateTime(atMs, parts)}
    </time>
  );
}

/** `3 minutes ago`, kept up to date; the exact time stands in its title. */
export function RelativeTime({ at, ifNever = 'never' }: Omit<TimeProps, 'parts'>) {
  const nowMs = useNow(10_000);
  if (at === null || at === undefined) return <span className="quiet">{ifNever}</span>;
  const atMs = msOf(at);
  return (
    <time dateTime={new Date(atMs).toISOString()} title={dateTime(atMs, 'second')} className="nowrap">
      {relativeTime(atMs, nowMs)}
    </time>
  );
}

export interface CountdownProps {
  /** On the server's clock, milliseconds since the Unix epoch. */
  readonly deadlineMs: number;
  /** The server's time less this browser's. */
  readonly offsetMs?: number;
}

/** How long is left, by the server's clock. */
export function Countdown({ deadlineMs, offsetMs = 0 }: CountdownProps) {
  const leftMs = deadlineMs - (useNow(1000) + offsetMs);
  return (
    <span role="timer" className="nowrap">
      {leftMs <= 0 ? 'due now' : `${duration(Math.max(1000, leftMs))} left`}
    </span>
  );
}

export const Bytes = ({ value }: { readonly value: number }) => (
  <span className="nowrap" title={`${count(value)} bytes`}>
    {bytes(value)}
  </span>
);
export const Count = ({ value }: { readonly value: number }) => <span>{count(value)}</span>;
export const Duration = ({ ms }: { readonly ms: number }) => <span className="nowrap">{duration(ms)}</span>;
export const Percent = ({ value, digits = 1 }: { readonly value: number; readonly digits?: number }) => (
  <span className="nowrap">{percent(value, digits)}</span>
);

export interface FigureValueProps {
  readonly value: number | null | undefined;
  readonly interval?: Interval | null | undefined;
}

/** A metric of 0…1 with its 95 % interval. */
export const FigureValue = ({ value, interval = null }: FigureValueProps) => (
  <span className="nowrap">{figure(value, interval)}</span>
);

export interface CopyTextProps {
  readonly text: string;
  /** What is seen in its place; the whole is copied. */
  readonly shown?: string;
  /** For the button: `fingerprint`, `invitation`. */
  readonly what: string;
}

/** Text in monospace with a button that copies it. */
export function CopyText({ text, shown = text, what }: CopyTextProps) {
  const [outcome, setOutcome] = useState<'none' | 'copied' | 'refused'>('none');
  useEffect(() => {
    if (outcome === 'none') return;
    return systemClock.schedule(COPIED_FOR_MS, () => {
      setOutcome('none');
    });
  }, [outcome]);
  const copy = (): void => {
    // Absent where the page is not served securely.
    const { clipboard } = navigator as { clipboard?: Clipboard };
    if (!clipboard) setOutcome('refused');
    else
      clipboard.writeText(text).then(
        () => {
          setOutcome('copied');
        },
        () => {
          setOutcome('refused');
        },
      );
  };
  return (
    <span className="hash">
      <span title={text}>{shown}</span>
      <Button kind="quiet" size="small" className="icon" label={`Copy ${what}`} onPress={copy}>
        <Icon name={outcome === 'copied' ? 'done' : outcome === 'refused' ? 'close' : 'copy'} size={15} />
      </Button>
      <span className="visually-hidden" role="status">
        {outcome === 'copied' && 'Copied'}
        {outcome === 'refused' && 'The browser does not allow copying: select the text instead'}
      </span>
    </span>
  );
}

/** A digest, shortened; the whole is in its title and is what is copied. */
export const Hash = ({
  value,
  what,
  chars = 12,
}: {
  readonly value: string;
  readonly what: string;
  readonly chars?: number;
}) => <CopyText text={value} shown={shortDigest(value, chars)} what={what} />;
