/**
 * A report as data: sections of blocks, all text plain. `renderReport` alone turns it into HTML and escapes it, so that
 * whoever builds a model need not think about markup.
 */

export interface ReportModel {
  readonly title: string;
  /** Under the title: what was done, in one sentence. */
  readonly subtitle?: string;
  /** What came out, in words. */
  readonly headline?: string;
  readonly notes: readonly Note[];
  readonly figures: readonly KeyFigure[];
  readonly sections: readonly Section[];
  /** The last line: how this was made. */
  readonly footer?: string;
}

export interface Note {
  readonly tone: 'information' | 'warning';
  readonly text: string;
}

export interface KeyFigure {
  readonly label: string;
  readonly value: string;
  /** Interval or explanation, in small type. */
  readonly detail?: string;
}

export interface Section {
  readonly title: string;
  readonly text?: string;
  readonly blocks: readonly Block[];
}

export type Block = TableBlock | LineChart | IntervalChart | BarChart | HeatTable | ImageGrid | Details | Row;

/** Blocks side by side where there is room. */
export interface Row {
  readonly kind: 'row';
  readonly blocks: readonly Block[];
}

/** Pictures with a line below each. */
export interface ImageGrid {
  readonly kind: 'images';
  readonly caption: string;
  readonly images: readonly { readonly png: Uint8Array; readonly label: string }[];
}

/** Folded away until someone asks. */
export interface Details {
  readonly kind: 'details';
  readonly summary: string;
  readonly blocks: readonly Block[];
}

export interface TableBlock {
  readonly kind: 'table';
  readonly caption: string;
  /** Below the table, in small type. */
  readonly note?: string;
  /** Details beside the text instead of below it, where there is room: for tables of few columns and many rows. */
  readonly inline?: boolean;
  /** The first column names the row. */
  readonly columns: readonly { readonly label: string; readonly numeric: boolean }[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface Cell {
  readonly text: string;
  /** Second line, in small type. */
  readonly detail?: string;
  readonly strong?: boolean;
  /** A digest or a file: fixed pitch, broken anywhere. */
  readonly code?: boolean;
}

/** Any curves in a plane; ROC, precision-recall and reliability are curves in the unit square. */
export interface LineChart {
  readonly kind: 'lines';
  readonly title: string;
  /** What the chart shows, in words, for those who do not see it; and as the small text under it. */
  readonly description: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** The legend's entry for the background series. */
  readonly backgroundName?: string;
  /** A vertical line with a name, such as the chosen epoch. */
  readonly marker?: { readonly x: number; readonly label: string };
  /** The diagonal from corner to corner: chance in a ROC curve, perfect calibration in a reliability diagram. */
  readonly diagonal?: string;
}

export interface Axis {
  readonly label: string;
  /** From the data where absent. */
  readonly domain?: readonly [number, number];
  /** Ticks only at whole numbers. */
  readonly whole?: boolean;
}

export interface Series {
  readonly name: string;
  /** Beside the name in the legend. */
  readonly detail?: string;
  readonly points: readonly SeriesPoint[];
  /** Thin and grey, one entry in the legend for all of them: many sites behind one global curve. */
  readonly background?: boolean;
  readonly marks?: boolean;
}

export interface SeriesPoint {
  readonly x: number;
  /** A gap where absent. */
  readonly y?: number;
  readonly low?: number;
  readonly high?: number;
  /** Relative size of the mark, 0…1; 0.5 where absent. */
  readonly size?: number;
}

/** Estimates with intervals, one below the other. */
export interface IntervalChart {
  readonly kind: 'intervals';
  readonly title: string;
  readonly description: string;
  readonly axis: Axis;
  readonly rows: readonly {
    readonly label: string;
    readonly value?: number;
    readonly low?: number;
    readonly high?: number;
    readonly emphasis?: boolean;
  }[];
}

/** Bars of several methods for each of several groups, from zero. */
export interface BarChart {
  readonly kind: 'bars';
  readonly title: string;
  readonly description: string;
  readonly axis: Axis;
  /** What each bar of a group stands for. */
  readonly series: readonly string[];
  readonly groups: readonly { readonly label: string; readonly bars: readonly Bar[] }[];
}

export interface Bar {
  /** No bar where absent. */
  readonly value?: number;
  readonly low?: number;
  readonly high?: number;
}

/** Numbers with, and shaded by, their share of the row: confusion matrix, images by site and class. */
export interface HeatTable {
  readonly kind: 'heat';
  readonly caption: string;
  /** Of the rows, and of the columns. */
  readonly rowTitle: string;
  readonly columnTitle: string;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly label: string; readonly values: readonly number[] }[];
  /** Adds a column of row sums. */
  readonly totals?: boolean;
}
