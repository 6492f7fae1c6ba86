import type { Turns } from './in-turn.ts';
import { medianSample } from './in-turn.ts';
import { bottleneckNote, type LoadSample } from './load-generator.ts';
import type { BenchRow, BenchTarget } from './report.ts';

/** A server and what its rounds gave. */
export interface Contender {
  readonly name: string;
  readonly turns: Turns<LoadSample> | undefined;
}

/** How many hits a second at saturation, and what one costs: two rows. `atLeast` bounds the ratio of the first. */
export function hitRows(what: string, ours: Contender, peer: Contender, atLeast: number | undefined): BenchRow[] {
  const notes: string[] = [];
  const value = sampleOf(ours, notes);
  const other = sampleOf(peer, notes);
  for (const [{ name }, sample] of [
    [ours, value],
    [peer, other],
  ] as const) {
    if (sample !== undefined) notes.push(...bottleneckNote(name, sample));
  }
  const row = (figure: keyof LoadSample) => ({ value: value?.[figure] ?? null, peer: other?.[figure] ?? null });
  return [
    {
      name: `${what}, vs ${peer.name}`,
      ...row('requestsPerSecond'),
      unit: 'requests/s',
      better: 'higher',
      target: atLeast === undefined ? null : { of: 'ratio', bound: atLeast },
      notes,
    },
    {
      name: `${what}, CPU, vs ${peer.name}`,
      ...row('serverCpuMicrosPerRequest'),
      unit: 'µs/request',
      better: 'lower',
      target: null,
      notes: [],
    },
  ];
}

/** The slowest hundredth at a fixed rate: at most a millisecond slower than the peer's. */
export function p99Row(what: string, ours: Contender, peer: Contender): BenchRow {
  const notes: string[] = [];
  const value = sampleOf(ours, notes);
  const other = sampleOf(peer, notes);
  const target: BenchTarget | null =
    other === undefined ? null : { of: 'value', bound: Number((other.p99Ms + 1).toFixed(3)) };
  return {
    name: `${what}, p99, vs ${peer.name}`,
    value: value?.p99Ms ?? null,
    unit: 'ms',
    peer: other?.p99Ms ?? null,
    better: 'lower',
    target,
    notes,
  };
}

function sampleOf({ name, turns }: Contender, notes: string[]): LoadSample | undefined {
  if (turns?.kind === 'measured') return medianSample(turns.samples);
  notes.push(`not measured: ${name}: ${turns?.reason ?? 'it was left out'}`);
  return undefined;
}
