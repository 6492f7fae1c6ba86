/** One measured figure of ours beside the peer's. */
export interface BenchRow {
  readonly name: string;
  /** Ours. */
  readonly value: number;
  readonly unit: string;
  /** The peer's, in the same unit; null where there is none. */
  readonly peer: number | null;
  /** Which way is good. */
  readonly better: 'higher' | 'lower';
  /** The bound for `value / peer`: at least this when higher is better, at most this when lower is; null for none. */
  readonly targetRatio: number | null;
  /** What a reader must know about this row, such as that the load generator was the bottleneck. */
  readonly notes: readonly string[];
}

export interface BenchReport {
  readonly bench: string;
  /** Who the peer is, for the head of the table. */
  readonly peerName: string;
  /** How it was measured, in a sentence. */
  readonly method: string;
  readonly rows: readonly BenchRow[];
}

interface JsonRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly peer: number | null;
  readonly ratio: number | null;
  readonly target: number | null;
  readonly holds: boolean | null;
}

/** Ours divided by the peer's, to three digits after the point; null where there is no peer to divide by. */
export function ratioOf(row: BenchRow): number | null {
  return row.peer === null || row.peer === 0 ? null : round(row.value / row.peer, 3);
}

/** Whether the target is met; null where there is none. Without a ratio a target is not met. */
export function holds(row: BenchRow): boolean | null {
  if (row.targetRatio === null) return null;
  const ratio = ratioOf(row);
  if (ratio === null) return false;
  return row.better === 'higher' ? ratio >= row.targetRatio : ratio <= row.targetRatio;
}

/** What `--json` writes. */
export function jsonReport(report: BenchReport): { bench: string; rows: JsonRow[] } {
  return {
    bench: report.bench,
    rows: report.rows.map((row) => ({
      name: row.name,
      value: round(row.value, 3),
      unit: row.unit,
      peer: row.peer === null ? null : round(row.peer, 3),
      ratio: ratioOf(row),
      target: row.targetRatio,
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
      row.peer === null ? '–' : readable(row.peer),
      row.unit,
      ratioOf(row)?.toFixed(2) ?? '–',
      row.targetRatio === null ? '–' : `${row.better === 'higher' ? '≥' : '≤'} ${row.targetRatio}`,
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
  const warnings = report.rows.flatMap((row, index) => row.notes.map((note) => `Warning [${index + 1}] ${note}`));
  return [`${report.bench}: ${report.method}`, '', line(header), ...cells.map(line), ...warnings, ''].join('\n');
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Four digits that count: 51,234 and 0.7213 alike. */
function readable(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(4)));
}
