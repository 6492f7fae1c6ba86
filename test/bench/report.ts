/** One measured figure of ours beside the peer's. */
export interface BenchRow {
  readonly name: string;
  /** Ours; null where it could not be measured: a note says why, and a target is not met. */
  readonly value: number | null;
  readonly unit: string;
  /** The peer's, in the same unit; null where there is none. */
  readonly peer: number | null;
  /** Which way is good. */
  readonly better: 'higher' | 'lower';
  readonly target: BenchTarget | null;
  /** What a reader must know about this row, such as that the load generator was the bottleneck. */
  readonly notes: readonly string[];
}

/** At least the bound when higher is better, at most the bound when lower is. */
export interface BenchTarget {
  /** What is bounded: ours divided by the peer's, or ours. */
  readonly of: 'ratio' | 'value';
  readonly bound: number;
}

export interface BenchReport {
  readonly bench: string;
  /** Who the peer is, for the head of the table. */
  readonly peerName: string;
  /** How it was measured, in a sentence. */
  readonly method: string;
  readonly rows: readonly BenchRow[];
}

/** `target` bounds `ratio` where that is a number, else `value`. */
interface JsonRow {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
  readonly peer: number | null;
  readonly ratio: number | null;
  readonly target: number | null;
  readonly holds: boolean | null;
}

/**
 * Ours divided by the peer's, to three digits after the point; null where there is no peer to divide by, and where the
 * target bounds the value itself, so that nobody takes the one bound for the other.
 */
export function ratioOf(row: BenchRow): number | null {
  if (row.target?.of === 'value' || row.value === null || row.peer === null || row.peer === 0) return null;
  return round(row.value / row.peer, 3);
}

/** Whether the target is met; null where there is none. What was not measured meets none. */
export function holds(row: BenchRow): boolean | null {
  if (row.target === null) return null;
  const figure = row.target.of === 'ratio' ? ratioOf(row) : row.value;
  if (figure === null) return false;
  return row.better === 'higher' ? figure >= row.target.bound : figure <= row.target.bound;
}

/** What `--json` writes. */
export function jsonReport(report: BenchReport): { bench: string; rows: JsonRow[] } {
  return {
    bench: report.bench,
    rows: report.rows.map((row) => ({
      name: row.name,
      value: row.value === null ? null : round(row.value, 3),
      unit: row.unit,
      peer: row.peer === null ? null : round(row.peer, 3),
      ratio: ratioOf(row),
      target: row.target?.bound ?? null,
      holds: holds(row),
    })),
  };
}

/** The table for the terminal, with a warning below it for each row that has one. */
export function tableReport(report: BenchReport): string {
  const header = ['', 'ours', report.peerName, 'unit', 'ratio', 'target', 'holds', 'note'];
  const cells = report.rows.map((row, index) => {
    const held = holds(row);
    return [
      row.name,
      readable(row.value),
      readable(row.peer),
      row.unit,
      ratioOf(row)?.toFixed(2) ?? '–',
      readableTarget(row),
      held === null ? '–' : held ? 'yes' : 'NO',
      row.notes.length === 0 ? '' : `[${index + 1}]`,
    ];
  });
  const widths = header.map((title, column) =>
    Math.max(...[header, ...cells].map((row) => (row[column] ?? title).length)),
  );
  const numeric = new Set([1, 2, 4, 5, 6]);
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        numeric.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const warnings = rowsByNote(report.rows).map(([note, numbers]) => `Warning [${numbers.join(', ')}] ${note}`);
  return [`${report.bench}: ${report.method}`, '', line(header), ...cells.map(line), ...warnings, ''].join('\n');
}

/** What holds for several rows is said once. Rows are counted from 1. */
function rowsByNote(rows: readonly BenchRow[]): [note: string, numbers: readonly number[]][] {
  const numbers = new Map<string, number[]>();
  rows.forEach((row, index) => {
    for (const note of row.notes) numbers.set(note, [...(numbers.get(note) ?? []), index + 1]);
  });
  return [...numbers];
}

/** A bound of the ratio carries a `×`, one of the value itself does not. */
function readableTarget({ target, better }: BenchRow): string {
  if (target === null) return '–';
  return `${better === 'higher' ? '≥' : '≤'} ${target.bound}${target.of === 'ratio' ? ' ×' : ''}`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Four digits that count: 51,234 and 0.7213 alike. */
function readable(value: number | null): string {
  if (value === null) return '–';
  return value >= 1_000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(4)));
}
