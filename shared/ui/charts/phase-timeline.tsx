/** What each site did when: a row of coloured phases a site, for one round or many, live. */
import {
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type MouseEvent,
} from 'react';
import { formatDuration } from '../../format.ts';
import { ChartFrame } from './chart-frame.tsx';
import { pictureToPng } from './chart-png.ts';
import { usePalette } from './palette.ts';
import { seriesStyle } from './series-style.ts';
import {
  drawTimeline,
  TIMELINE_HEAD,
  TIMELINE_ROW,
  timeScale,
  type TimelineScene,
} from './timeline-canvas.ts';
import {
  spanAt,
  spansByRow,
  timeByPhase,
  timeWindow,
  type RoundLimit,
  type TimelineSpan,
} from './timeline-layout.ts';
import { useWidth } from './use-width.ts';

export interface TimelinePhase {
  readonly phase: string;
  readonly label: string;
}

interface PhaseTimelineProps {
  readonly title: string;
  readonly description?: string;
  readonly fileName: string;
  /** In the order of the rows. */
  readonly rows: readonly string[];
  readonly spans: readonly TimelineSpan[];
  /** In the order of their colours. */
  readonly phases: readonly TimelinePhase[];
  /** Ends what goes on; by the clock of whoever measured the spans. */
  readonly nowMs: number;
  readonly empty: string;
}

const MAX_HEIGHT = 420;
const LIMITS: readonly { readonly name: string; readonly limit: RoundLimit }[] = [
  { name: 'Last round', limit: 1 },
  { name: 'Last 5 rounds', limit: 5 },
];

export function PhaseTimeline(props: PhaseTimelineProps) {
  const { title, rows, spans, phases, nowMs } = props;
  const palette = usePalette();
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(box);
  const [limit, setLimit] = useState<RoundLimit>(5);
  const [scrollTop, setScrollTop] = useState(0);
  const [active, setActive] = useState<number>();
  const [pointed, setPointed] = useState<TimelineSpan>();
  const byRow = useMemo(() => spansByRow(spans, limit), [spans, limit]);
  const whole = TIMELINE_HEAD + rows.length * TIMELINE_ROW;
  const height = Math.min(MAX_HEIGHT, whole);
  const scene = useCallback(
    (height_: number, scrolled: number): TimelineScene => ({
      ...{ width, height: height_, rows, byRow, nowMs, scrollTop: scrolled, active, palette },
      left: Math.min(160, Math.max(84, 0.28 * width)),
      window: timeWindow(byRow, nowMs),
      colourOf: (phase) =>
        seriesStyle(
          palette,
          phases.findIndex((known) => known.phase === phase),
        ).colour,
      labelOf: (phase) => phases.find((known) => known.phase === phase)?.label ?? phase,
    }),
    [width, rows, byRow, nowMs, active, palette, phases],
  );
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!canvas.current || !context || width === 0) return;
    canvas.current.width = width * devicePixelRatio;
    canvas.current.height = height * devicePixelRatio;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    drawTimeline(context, scene(height, scrollTop));
  }, [scene, width, height, scrollTop]);

  const point = (event: MouseEvent<HTMLDivElement>): void => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const row = Math.floor((event.clientY - top - TIMELINE_HEAD + scrollTop) / TIMELINE_ROW);
    const name = rows[row];
    setActive(name === undefined ? undefined : row);
    const at = timeScale(scene(height, scrollTop)).invert(event.clientX - left);
    setPointed(name === undefined ? undefined : spanAt(byRow.get(name) ?? [], at, nowMs));
  };
  const step = (event: KeyboardEvent<HTMLDivElement>): void => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    const next = Math.min(rows.length - 1, Math.max(0, (active ?? -1) + by));
    setActive(next);
    setPointed(byRow.get(rows[next] ?? '')?.at(-1));
    const element = event.currentTarget;
    const top = next * TIMELINE_ROW;
    const view = height - TIMELINE_HEAD;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + TIMELINE_ROW > element.scrollTop + view) element.scrollTop = top + TIMELINE_ROW - view;
  };
  const names = phases.map(({ phase }) => phase);
  return (
    <ChartFrame
      title={title}
      description={props.description}
      fileName={props.fileName}
      empty={spans.length === 0 ? props.empty : undefined}
      table={() => {
        const totals = timeByPhase(spans, names, nowMs);
        return {
          columns: ['Site', ...phases.map(({ label }) => `${label} (s)`)],
          rows: rows.map((row) => [row, ...(totals.get(row) ?? []).map((ms) => ms / 1000)]),
        };
      }}
      png={() =>
        pictureToPng({
          ...{ title, width, height: whole, palette },
          draw: (context) => {
            drawTimeline(context, scene(whole, 0));
          },
        })
      }
      controls={<LimitChoice title={title} limit={limit} onChange={setLimit} />}
    >
      <div
        ref={box}
        className="chart-timeline"
        style={{ height: height + 2 }}
        tabIndex={0}
        role="group"
        aria-label={`${title}. Use the up and down arrow keys to read the sites.`}
        onScroll={(event) => {
          setScrollTop(event.currentTarget.scrollTop);
        }}
        onMouseMove={point}
        onMouseLeave={() => {
          setActive(undefined);
          setPointed(undefined);
        }}
        onKeyDown={step}
      >
        <div style={{ height: whole }}>
          <canvas ref={canvas} style={{ width, height }} aria-hidden="true" />
        </div>
      </div>
      <p className="chart-readout" aria-live="polite">
        {pointed ? (
          <>
            <strong>{pointed.row}</strong>
            {` · round ${String(pointed.round)} · ${phases.find(({ phase }) => phase === pointed.phase)?.label ?? pointed.phase}: ${formatDuration((pointed.endMs ?? nowMs) - pointed.startMs)}${pointed.endMs === undefined ? ', going on' : ''}${pointed.note === undefined ? '' : ` · ${pointed.note}`}`}
          </>
        ) : (
          'Point at a bar, or use the arrow keys, to read it.'
        )}
      </p>
      <ul className="chart-legend">
        {phases.map(({ phase, label }, i) => (
          <li key={phase}>
            <span className="chart-entry">
              <span className="chart-square" style={{ backgroundColor: seriesStyle(palette, i).colour }} />
              {label}
            </span>
          </li>
        ))}
      </ul>
    </ChartFrame>
  );
}

interface LimitChoiceProps {
  readonly title: string;
  readonly limit: RoundLimit;
  readonly onChange: (limit: RoundLimit) => void;
}

function LimitChoice({ title, limit: chosen, onChange }: LimitChoiceProps) {
  return (
    <span className="chart-choice" role="group" aria-label={`Rounds of “${title}”`}>
      {LIMITS.map(({ name, limit }) => (
        <button
          key={name}
          type="button"
          aria-pressed={limit === chosen}
          onClick={() => {
            onChange(limit);
          }}
        >
          {name}
        </button>
      ))}
    </span>
  );
}
