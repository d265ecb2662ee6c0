/** One bar a site (or class, or model) with its 95 % interval as a whisker, one below the other. */
import { scaleLinear } from 'd3-scale';
import { useRef } from 'react';
import { formatNumber } from '../../format.ts';
import { ChartFrame } from './chart-frame.tsx';
import { pictureToPng, svgImage } from './chart-png.ts';
import { usePalette } from './palette.ts';
import { useWidth } from './use-width.ts';

export interface IntervalRow {
  /** Unique. */
  readonly label: string;
  /** Undefined: not known. */
  readonly value: number | undefined;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

interface IntervalBarsProps {
  readonly title: string;
  readonly description?: string;
  readonly fileName: string;
  readonly rows: readonly IntervalRow[];
  /** What is measured, with its unit. */
  readonly axis: string;
  /** Absent: from 0 to the greatest value. */
  readonly domain?: readonly [number, number];
  readonly format?: (value: number) => string;
  readonly empty: string;
}

const ROW = 28;
const BAR = 14;
const AXIS_HEIGHT = 46;
const VALUE_ROOM = 74;
/** Pixels of a character of a label, on average. */
const CHARACTER = 7.2;

const px = (value: number): number => Math.round(value * 10) / 10;

function greatest(rows: readonly IntervalRow[]): number {
  const values = rows.flatMap(({ value, high }) => [value ?? 0, high ?? 0]);
  return values.reduce((most, value) => Math.max(most, value), 0) || 1;
}

export function IntervalBars(props: IntervalBarsProps) {
  const { title, rows, axis, domain, format = formatNumber } = props;
  const palette = usePalette();
  const box = useRef<HTMLDivElement>(null);
  const drawing = useRef<SVGSVGElement>(null);
  const width = useWidth(box);
  const longest = rows.reduce((most, { label }) => Math.max(most, label.length), 0);
  const left = Math.min(0.36 * width, longest * CHARACTER + 12);
  const fits = Math.max(4, Math.floor((left - 12) / CHARACTER + 0.01));
  const bottom = rows.length * ROW;
  const height = bottom + AXIS_HEIGHT;
  const scale = scaleLinear(domain ?? [0, greatest(rows)], [left, Math.max(left + 1, width - VALUE_ROOM)]);
  const tickCount = Math.max(2, Math.min(6, width / 110));
  const ticks = scale.ticks(tickCount);
  const tickText = scale.tickFormat(tickCount);
  const png = async (): Promise<Blob> => {
    if (!drawing.current) throw new TypeError('the chart is not drawn');
    const image = await svgImage(drawing.current);
    return pictureToPng({
      ...{ title, width, height, palette },
      draw: (context) => {
        context.drawImage(image, 0, 0, width, height);
      },
    });
  };
  const end = (value: number): number => px(Math.min(scale.range()[1] ?? 0, Math.max(left, scale(value))));
  return (
    <ChartFrame
      title={title}
      description={props.description}
      fileName={props.fileName}
      png={png}
      table={() => ({
        columns: ['Name', axis, 'Low (95 %)', 'High (95 %)'],
        rows: rows.map(({ label, value, low, high }) => [label, value, low, high]),
      })}
      empty={rows.some(({ value }) => value !== undefined) ? undefined : props.empty}
    >
      <div ref={box} className="chart-plot" style={{ minHeight: height }}>
        {width > 0 && (
          <svg
            ref={drawing}
            width={width}
            height={height}
            viewBox={`0 0 ${String(width)} ${String(height)}`}
            role="img"
            aria-label={`${title}: ${String(rows.length)} bars; the figures follow as a table`}
            fontSize="13"
          >
            {ticks.map((tick) => (
              <g key={tick}>
                <path d={`M${String(px(scale(tick)))} 0V${String(bottom)}`} stroke={palette.rule} />
                <text
                  x={px(scale(tick))}
                  y={bottom + 18}
                  textAnchor="middle"
                  fontSize="12"
                  fill={palette.quiet}
                >
                  {tickText(tick)}
                </text>
              </g>
            ))}
            <text
              x={px((left + width - VALUE_ROOM) / 2)}
              y={height - 6}
              textAnchor="middle"
              fontSize="12"
              fontWeight="500"
              fill={palette.quiet}
            >
              {axis}
            </text>
            {rows.map(({ label, value, low, high }, i) => {
              const middle = i * ROW + ROW / 2;
              const hasInterval = low !== undefined && high !== undefined;
              return (
                <g key={label}>
                  <title>
                    {`${label}: ${value === undefined ? 'not known' : format(value)}${hasInterval ? ` (95 % interval ${format(low)} to ${format(high)})` : ''}`}
                  </title>
                  <rect x={0} y={i * ROW} width={width} height={ROW} fill={palette.surface} fillOpacity="0" />
                  <text x={0} y={middle + 4.5} fill={palette.text}>
                    {label.length > fits ? `${label.slice(0, fits - 1)}…` : label}
                  </text>
                  {value !== undefined && (
                    <g fill={palette.s0}>
                      <rect
                        x={left}
                        y={middle - BAR / 2}
                        width={Math.max(0, end(value) - left)}
                        height={BAR}
                        fillOpacity="0.45"
                      />
                      <rect x={end(value) - 1.5} y={middle - BAR / 2} width={3} height={BAR} />
                    </g>
                  )}
                  {hasInterval && (
                    <path
                      d={`M${String(end(low))} ${String(middle)}H${String(end(high))}M${String(end(low))} ${String(middle - 4)}v8M${String(end(high))} ${String(middle - 4)}v8`}
                      stroke={palette.text}
                      strokeWidth="1.4"
                    />
                  )}
                  <text x={width} y={middle + 4.5} textAnchor="end" fill={palette.text}>
                    {value === undefined ? '–' : format(value)}
                  </text>
                </g>
              );
            })}
          </svg>
        )}
      </div>
    </ChartFrame>
  );
}
