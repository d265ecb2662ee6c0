/** Where the bars of a timeline lie. */
import { describe, expect, it } from 'vitest';
import {
  spanAt,
  spansByRow,
  timeByPhase,
  timeWindow,
  type TimelineSpan,
} from '../../../../shared/ui/charts/timeline-layout.ts';

const span = (
  row: string,
  phase: string,
  [startMs, endMs]: readonly [number, number | undefined],
  round = 1,
): TimelineSpan => ({ row, phase, startMs, endMs, round });

const SPANS = [
  span('a', 'keys', [1000, 2000]),
  span('a', 'training', [2000, 9000]),
  span('b', 'training', [2500, 4000]),
  span('a', 'training', [11_000, undefined], 2),
  span('b', 'training', [11_500, 12_000], 2),
];

describe('a timeline', () => {
  it('shows the spans of the last rounds', () => {
    expect([...spansByRow(SPANS, undefined).values()].flat()).toHaveLength(5);
    expect([...spansByRow(SPANS, 5).values()].flat()).toHaveLength(5);
    const last = spansByRow(SPANS, 1);
    expect([...last.keys()]).toEqual(['a', 'b']);
    expect(last.get('a')).toEqual([SPANS[3]]);
  });

  it('has the spans of a row in the order of time', () => {
    const rows = spansByRow(SPANS.toReversed(), undefined);
    expect(rows.get('a')?.map(({ startMs }) => startMs)).toEqual([1000, 2000, 11_000]);
  });

  it('reaches from the first beginning to the last end, or to now', () => {
    expect(timeWindow(spansByRow(SPANS.slice(0, 3), undefined), 99_000)).toEqual({
      startMs: 1000,
      endMs: 9000,
    });
    expect(timeWindow(spansByRow(SPANS, undefined), 20_000)).toEqual({ startMs: 1000, endMs: 20_000 });
    expect(timeWindow(spansByRow([span('a', 'keys', [500, 600])], undefined), 0)).toEqual({
      startMs: 500,
      endMs: 1500,
    });
    expect(timeWindow(new Map(), 5000)).toEqual({ startMs: 4000, endMs: 5000 });
  });

  it('finds what a row did at a time', () => {
    const [a = []] = [spansByRow(SPANS, undefined).get('a')];
    expect(spanAt(a, 1500, 20_000)?.phase).toBe('keys');
    // At the very change the later one counts.
    expect(spanAt(a, 2000, 20_000)?.phase).toBe('training');
    expect(spanAt(a, 10_000, 20_000)).toBeUndefined();
    expect(spanAt(a, 19_000, 20_000)?.round).toBe(2);
    expect(spanAt(a, 21_000, 20_000)).toBeUndefined();
  });

  it('adds up the time of each phase by row', () => {
    const totals = timeByPhase(SPANS, ['keys', 'training'], 15_000);
    expect(totals.get('a')).toEqual([1000, 7000 + 4000]);
    expect(totals.get('b')).toEqual([0, 1500 + 500]);
  });
});
