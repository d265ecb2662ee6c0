/** The few pictures of the pages, drawn in the colour of the text; all are ornaments beside words. */
import type { ReactNode } from 'react';

export type IconName =
  | 'overview'
  | 'sites'
  | 'plans'
  | 'runs'
  | 'models'
  | 'ledger'
  | 'users'
  | 'settings'
  | 'copy'
  | 'done'
  | 'close'
  | 'up'
  | 'down'
  | 'menu'
  | 'data'
  | 'receipt'
  | 'policy'
  | 'benefit'
  | 'training';

const DRAWINGS: Readonly<Record<IconName, ReactNode>> = {
  overview: <path d="M3 9.5 10 4l7 5.5V16a1 1 0 0 1-1 1h-4v-5H8v5H4a1 1 0 0 1-1-1z" />,
  sites: <path d="M4 17V5l6-2.5L16 5v12M2.5 17h15M8 17v-4h4v4M8 7h0M12 7h0M8 10h0M12 10h0" />,
  plans: <path d="M5 2.5h7l3.5 3.5v11.5h-10.5zM12 2.5V6h3.5M7.5 10h5M7.5 13.5h5" />,
  runs: <path d="M10 3a7 7 0 1 0 7 7M8.2 7.2v5.6l4.6-2.8zM13 3.7a7 7 0 0 1 3.2 3.1" />,
  models: <path d="M10 2.5 17 6v8l-7 3.5L3 14V6zM3 6l7 3.5L17 6M10 9.5v8" />,
  ledger: (
    <path d="M8 12 12 8M6.5 9 4.3 11.2a3 3 0 0 0 4.3 4.3L10.8 13.4M13.5 11l2.2-2.2a3 3 0 0 0-4.3-4.3L9.2 6.6" />
  ),
  users: (
    <path d="M7.5 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 17c0-3 2.2-5 5.5-5s5.5 2 5.5 5M13 4.2a3 3 0 0 1 0 5.6M15 12.4c1.9.7 3 2.3 3 4.6" />
  ),
  settings: (
    <path d="M3 5.5h6M13 5.5h4M3 10h2M9 10h8M3 14.5h8M15 14.5h2M11 3.5a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM7 8a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM13 12.5a2 2 0 1 1 0 4 2 2 0 0 1 0-4z" />
  ),
  copy: <path d="M7 7V3.5h9.5V13H13M3.5 7H13v9.5H3.5z" />,
  done: <path d="m4 10.5 4 4 8-9" />,
  close: <path d="m5 5 10 10M15 5 5 15" />,
  up: <path d="m5 12 5-5 5 5" />,
  down: <path d="m5 8 5 5 5-5" />,
  menu: <path d="M3 5.5h14M3 10h14M3 14.5h14" />,
  data: <path d="M3 4h14v12H3zM3 13l4-4 3.5 3.5L13 10l4 4M13 7.5h0" />,
  receipt: <path d="M4.5 2.5h11v15l-2.75-1.8L10 17.5l-2.75-1.8-2.75 1.8zM7.5 7h5M7.5 10.5h5" />,
  policy: (
    <path d="M10 2.5 16.5 5v5c0 4-2.8 6.5-6.5 7.5C6.300 16.500 3.500 14 3.500 10V5zM7.300 10l2 2 3.500-4" />
  ),
  benefit: <path d="M3 17h14M5.500 17v-5M10 17V8M14.500 17V3.500" />,
  training: <path d="M2.500 10h3l2-5.500 4 11 2.500-5.500h3.500" />,
};

export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      {...{ width: size, height: size, viewBox: '0 0 20 20', fill: 'none', stroke: 'currentColor' }}
      {...{ strokeWidth: 1.6, strokeLinecap: 'round', strokeLinejoin: 'round' }}
      aria-hidden="true"
      focusable="false"
    >
      {DRAWINGS[name]}
    </svg>
  );
}

/** Sites around the one model that they share. */
export function Mark({ size = 26 }: { readonly size?: number }) {
  const points = [0, 1, 2, 3, 4].map((i) => {
    const angle = (2 * Math.PI * i) / 5 - Math.PI / 2;
    return { x: 14 + 10 * Math.cos(angle), y: 14 + 10 * Math.sin(angle) };
  });
  return (
    <svg width={size} height={size} viewBox="0 0 28 28" aria-hidden="true" focusable="false">
      {points.map(({ x, y }) => (
        <g key={x}>
          <path
            d={`M14 14 ${String(x)} ${String(y)}`}
            stroke="currentColor"
            strokeWidth="1.4"
            opacity="0.5"
          />
          <circle cx={x} cy={y} r="2.6" fill="currentColor" />
        </g>
      ))}
      <circle cx="14" cy="14" r="4.200" fill="currentColor" />
    </svg>
  );
}
