/** Curves in a unit square, such as ROC and calibration, as SVG with its looks in attributes, so that it can be saved as it is. */
import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import { useRef, useState, type PointerEvent } from 'react';
import { formatMetric } from '../../format.ts';
import { ChartFrame } from './chart-frame.tsx';
import type { ChartTable } from './chart-table.ts';
import { pictureToPng, svgImage } from './chart-png.ts';
import { Legend, toggled } from './legend.tsx';
import { usePalette } from './palette.ts';
import { nearestPoint, type PlaneSeries } from './plane-points.ts';
import { seriesStyle } from './series-style.ts';
import { useWidth } from './use-width.ts';

export interface PlaneChartProps {
  readonly title: string;
  readonly description?: string;
  readonly fileName: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly PlaneSeries[];
  /** Name of the line from (0, 0) to (1, 1). */
  readonly diagonal: string;
  readonly table: () => ChartTable;
  readonly empty: string;
}

const HEIGHT = 320;
const MARGIN = { top: 10, right: 14, bottom: 46, left: 50 };
const TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1];
/** A pointer this far away in pixels means no point. */
const REACH = 60;

const px = (value: number): number => Math.round(value * 10) / 10;

export function PlaneChart(props: PlaneChartProps) {
  const { title, series, diagonal } = props;
  const palette = usePalette();
  const box = useRef<HTMLDivElement>(null);
  const drawing = useRef<SVGSVGElement>(null);
  const width = Math.min(useWidth(box), 560);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [pointer, setPointer] = useState<{ readonly x: number; readonly y: number }>();
  const x = scaleLinear([0, 1], [MARGIN.left, Math.max(MARGIN.left + 1, width - MARGIN.right)]);
  const y = scaleLinear([0, 1], [HEIGHT - MARGIN.bottom, MARGIN.top]);
  const styled = series.map((entry, i) => ({ ...entry, style: seriesStyle(palette, i) }));
  const shown = styled.filter(({ name }) => !hidden.has(name));
  const near = pointer && nearestPoint(shown, pointer, { x, y, reach: REACH });
  const path = line<readonly [number, number]>()
    .x(([value]) => px(x(value)))
    .y(([, value]) => px(y(value)));
  const follow = (event: PointerEvent<SVGSVGElement>): void => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    setPointer({ x: event.clientX - left, y: event.clientY - top });
  };
  const png = async (): Promise<Blob> => {
    if (!drawing.current) throw new TypeError('the chart is not drawn');
    const image = await svgImage(drawing.current);
    return pictureToPng({
      ...{ title, width, height: HEIGHT, palette, legend: shown },
      draw: (context) => {
        context.drawImage(image, 0, 0, width, HEIGHT);
      },
    });
  };
  return (
    <ChartFrame
      title={title}
      description={props.description}
      fileName={props.fileName}
      table={props.table}
      png={png}
      empty={series.every(({ points }) => points.length === 0) ? props.empty : undefined}
    >
      <div ref={box} className="chart-plot" style={{ height: HEIGHT }}>
        {width > 0 && (
          <svg
            ref={drawing}
            width={width}
            height={HEIGHT}
            viewBox={`0 0 ${String(width)} ${String(HEIGHT)}`}
            role="img"
            aria-label={`${title}. ${series.map(({ name, detail }) => `${name}: ${detail ?? ''}`).join(', ')}`}
            fontSize="12"
            onPointerMove={follow}
            onPointerLeave={() => {
              setPointer(undefined);
            }}
          >
            <g stroke={palette.rule}>
              {TICKS.map((tick) => (
                <path
                  key={tick}
                  fill="none"
                  d={`M${String(x(0))} ${String(px(y(tick)))}H${String(x(1))}M${String(px(x(tick)))} ${String(y(0))}V${String(y(1))}`}
                />
              ))}
            </g>
            <g fill={palette.quiet}>
              {TICKS.map((tick) => (
                <g key={tick}>
                  <text x={MARGIN.left - 8} y={px(y(tick) + 4)} textAnchor="end">
                    {tick.toFixed(1)}
                  </text>
                  <text x={px(x(tick))} y={HEIGHT - MARGIN.bottom + 18} textAnchor="middle">
                    {tick.toFixed(1)}
                  </text>
                </g>
              ))}
              <text x={px(x(0.5))} y={HEIGHT - 6} textAnchor="middle" fontWeight="500">
                {props.x}
              </text>
              <text
                transform={`translate(13 ${String(px(y(0.5)))}) rotate(-90)`}
                textAnchor="middle"
                fontWeight="500"
              >
                {props.y}
              </text>
            </g>
            <path
              d={`M${String(x(0))} ${String(y(0))}L${String(x(1))} ${String(y(1))}`}
              stroke={palette.quiet}
              strokeDasharray="4 4"
            />
            {shown.map(({ name, points, sizes, style }) => (
              <g key={name}>
                <path
                  d={path(points) ?? ''}
                  fill="none"
                  stroke={style.colour}
                  strokeWidth="2"
                  strokeLinejoin="round"
                  strokeDasharray={style.dash.join(' ')}
                />
                {sizes &&
                  points.map(([cx, cy], i) => (
                    <circle
                      key={cx}
                      cx={px(x(cx))}
                      cy={px(y(cy))}
                      r={px(2 + 5 * (sizes[i] ?? 0))}
                      fill={style.colour}
                    />
                  ))}
              </g>
            ))}
            {near && (
              <g pointerEvents="none">
                <path
                  d={`M${String(px(x(near.point[0])))} ${String(y(0))}V${String(y(1))}M${String(x(0))} ${String(px(y(near.point[1])))}H${String(x(1))}`}
                  stroke={palette.quiet}
                  strokeOpacity="0.6"
                />
                <circle
                  cx={px(x(near.point[0]))}
                  cy={px(y(near.point[1]))}
                  r="5"
                  fill={palette.surface}
                  stroke={shown[near.series]?.style.colour ?? palette.text}
                  strokeWidth="2.5"
                />
              </g>
            )}
          </svg>
        )}
      </div>
      <p className="chart-readout">
        {near
          ? `${near.name}: ${props.x.toLowerCase()} ${formatMetric(near.point[0])}, ${props.y.toLowerCase()} ${formatMetric(near.point[1])}${near.note === undefined ? '' : ` · ${near.note}`}`
          : `Dashed: ${diagonal}.`}
      </p>
      <Legend
        items={styled.map(({ name, style, detail }) => ({ name, style, value: detail }))}
        hidden={hidden}
        onToggle={(name) => {
          setHidden((names) => toggled(names, name));
        }}
      />
    </ChartFrame>
  );
}
