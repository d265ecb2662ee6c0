/** Curves over rounds or steps with their 95 % intervals: the figures of a live run, drawn by uPlot on a canvas. */
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatNumber } from '../../format.ts';
import { ChartFrame } from './chart-frame.tsx';
import { pictureToPng } from './chart-png.ts';
import {
  curveData,
  curveTable,
  hasPositive,
  hasValues,
  type CurveData,
  type CurveSeries,
} from './curve-data.ts';
import { curveOptions, type Axis, type Marker } from './curve-options.ts';
import { Legend, toggled } from './legend.tsx';
import { usePalette } from './palette.ts';
import { seriesStyle } from './series-style.ts';
import { useWidth } from './use-width.ts';

export interface CurveChartProps {
  readonly title: string;
  readonly description?: string;
  /** Of the files, without their ending. */
  readonly fileName: string;
  readonly x: Axis;
  readonly y: Axis;
  /** Names are unique. */
  readonly series: readonly CurveSeries[];
  /** A line at one x, such as the round whose model was kept. */
  readonly marker?: Marker | undefined;
  /** In pixels. */
  readonly height?: number;
  /** What to say while there is nothing to draw. */
  readonly empty: string;
}

const HEIGHT = 260;

function alignedData({ x, columns }: CurveData): uPlot.AlignedData {
  return [x, ...columns.flat()];
}

/** "0.912 (0.880 to 0.934)" */
function valueText(data: CurveData, series: number, at: number, format: (value: number) => string): string {
  const [value, low, high] = (data.columns[series] ?? []).map((column) => column[at] ?? null);
  if (value === null || value === undefined) return '–';
  const isRange = low !== null && low !== undefined && high !== null && high !== undefined;
  return isRange ? `${format(value)} (${format(low)} to ${format(high)})` : format(value);
}

export function CurveChart(props: CurveChartProps) {
  const { title, series, x, y, marker, height = HEIGHT } = props;
  const palette = usePalette();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const width = useWidth(box);
  const [wantsLog, setLog] = useState(false);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [cursor, setCursor] = useState<number>();
  const canLog = hasPositive(series);
  const isLog = wantsLog && canLog;
  const isEmpty = !hasValues(series);
  const data = useMemo(() => curveData(series, { hidden, isLog }), [series, hidden, isLog]);
  const shown = useRef(data);
  // The plot is made anew when its looks change, and only filled anew when figures arrive.
  const looks = JSON.stringify([series.map(({ name }) => name), x, y, marker, isLog, height]);
  const isMeasured = width > 0;
  useEffect(() => {
    shown.current = data;
    plot.current?.setData(alignedData(data));
  }, [data]);
  useEffect(() => {
    if (width > 0) plot.current?.setSize({ width, height });
  }, [width, height]);
  useEffect(() => {
    const element = box.current;
    if (!element || !isMeasured || isEmpty) return;
    const names = series.map(({ name }) => name);
    const size = { width: element.clientWidth, height };
    const options = curveOptions({ names, x, y, isLog, size, palette, marker, onCursor: setCursor });
    const made = new uPlot(options, alignedData(shown.current), element);
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
    // `looks` stands for the properties, whose identity changes with every figure that arrives.
  }, [looks, palette, isMeasured, isEmpty]);

  const format = y.format ?? formatNumber;
  const last = data.x.length - 1;
  const at = Math.min(cursor ?? last, last);
  const move = ({ key }: KeyboardEvent): void => {
    const by = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
    const chart = plot.current;
    const to = data.x[Math.min(last, Math.max(0, at + by))];
    if (by === 0 || !chart || to === undefined) return;
    chart.setCursor({ left: chart.valToPos(to, 'x'), top: 10 }, true);
  };
  const items = series.map(({ name }, i) => ({
    ...{ name, style: seriesStyle(palette, i) },
    value: hidden.has(name) ? '' : valueText(data, i, at, format),
  }));
  const where = data.x[at];
  return (
    <ChartFrame
      title={title}
      description={props.description}
      fileName={props.fileName}
      empty={isEmpty ? props.empty : undefined}
      table={() => curveTable(series, x.label, y.label)}
      png={() =>
        pictureToPng({
          ...{ title, width, height, palette },
          legend: items.filter(({ name }) => !hidden.has(name)),
          draw: (context) => {
            if (plot.current) context.drawImage(plot.current.ctx.canvas, 0, 0, width, height);
          },
        })
      }
      controls={canLog && <ScaleChoice title={title} isLog={isLog} onChange={setLog} />}
    >
      <div
        ref={box}
        className="chart-plot"
        style={{ height }}
        tabIndex={0}
        role="group"
        aria-label={`${title}. Use the left and right arrow keys to read values.`}
        onKeyDown={move}
        onBlur={() => {
          // Outside of the drawing: nowhere.
          plot.current?.setCursor({ left: -10, top: -10 }, false);
          setCursor(undefined);
        }}
      />
      <p className="chart-readout" aria-live={cursor === undefined ? 'off' : 'polite'}>
        {where === undefined
          ? ''
          : `${x.label} ${formatNumber(where)}${cursor === undefined ? ' (last)' : ''}`}
      </p>
      <Legend
        items={items}
        hidden={hidden}
        onToggle={(name) => {
          setHidden((names) => toggled(names, name));
        }}
      />
    </ChartFrame>
  );
}

interface ScaleChoiceProps {
  readonly title: string;
  readonly isLog: boolean;
  readonly onChange: (isLog: boolean) => void;
}

function ScaleChoice({ title, isLog, onChange }: ScaleChoiceProps) {
  const scales = [
    { name: 'Linear', value: false },
    { name: 'Log', value: true },
  ];
  return (
    <span className="chart-choice" role="group" aria-label={`Scale of “${title}”`}>
      {scales.map(({ name, value }) => (
        <button
          key={name}
          type="button"
          aria-pressed={isLog === value}
          onClick={() => {
            onChange(value);
          }}
        >
          {name}
        </button>
      ))}
    </span>
  );
}
