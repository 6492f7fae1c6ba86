import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DateRange } from '../../src/formats/m3u8/date-range.ts';
import { DateRanges } from '../../src/origin/date-ranges.ts';

const startMs = Date.parse('2026-01-01T00:00:00.000Z');
const at = (seconds: number) => new Date(startMs + seconds * 1_000).toISOString();
const range = (id: string, more: Partial<DateRange> = {}): DateRange => ({ id, startDate: at(0), ...more });

function listing(...ranges: readonly DateRange[]): DateRanges {
  const dateRanges = new DateRanges();
  for (const each of ranges) expect(dateRanges.add(each, 0)).toBeUndefined();
  return dateRanges;
}
const idsOf = (dateRanges: DateRanges) => dateRanges.listed.map(({ id }) => id);

describe('DateRanges.add', () => {
  it.each<[string, Partial<DateRange>]>([
    ['ID', { id: '' }],
    ['ID', { id: 'a\tb' }],
    ['ID', { id: 'a"b' }],
    ['ID', { id: 'x'.repeat(256) }],
    ['START-DATE is no date', { startDate: 'yesterday' }],
    ['START-DATE is no date', { startDate: '2026-01-01T00:00:00.000' }],
    ['START-DATE is no date', { startDate: '2026-13-01T00:00:00.000Z' }],
    ['END-DATE is no date', { endDate: '' }],
    ['END-DATE is before', { endDate: at(-1) }],
    ['DURATION', { durationSeconds: -1 }],
    ['DURATION', { durationSeconds: Number.NaN }],
    ['PLANNED-DURATION', { plannedDurationSeconds: Infinity }],
    ['PRE and POST', { cue: ['PRE', 'POST'] }],
    ['needs a CLASS', { endOnNext: true }],
    ['neither DURATION nor', { className: 'c', endOnNext: true, durationSeconds: 1 }],
    ['neither DURATION nor', { className: 'c', endOnNext: true, endDate: at(1) }],
    ['not START-DATE + DURATION', { durationSeconds: 2, endDate: at(3) }],
    ['no name of an attribute', { extensions: { 'x-small': 'a' } }],
    ['no number', { extensions: { 'X-NUMBER': Number.NaN } }],
  ])('refuses: %s (%o)', (fault, more) => {
    const dateRanges = new DateRanges();
    expect(dateRanges.add(range('a', more), 0)).toContain(fault);
    expect(dateRanges.listed).toEqual([]);
  });

  it('adds to a range what it had not, and changes nothing that it had', () => {
    const out = Uint8Array.of(1);
    const dateRanges = listing(
      range('a', { scte35Out: out, extensions: { 'X-A': 1 } }),
      range('b'),
      range('a', { startDate: at(9), durationSeconds: 30, extensions: { 'X-A': 2, 'X-B': 'b' } }),
    );
    expect(dateRanges.listed).toEqual([
      range('b'),
      range('a', { scte35Out: out, durationSeconds: 30, extensions: { 'X-A': 1, 'X-B': 'b' } }),
    ]);
  });

  it('refuses an addition that does not go with what is there', () => {
    const dateRanges = listing(range('a', { durationSeconds: 30 }));
    expect(dateRanges.add(range('a', { endDate: at(31) }), 0)).toContain('not START-DATE + DURATION');
    expect(dateRanges.listed).toEqual([range('a', { durationSeconds: 30 })]);
  });

  it('lists no ID again that has left lately: players would take it for the old one', () => {
    const dateRanges = listing(range('a'));
    dateRanges.remove('a', 1_000);
    expect(dateRanges.add(range('a'), 2_000)).toContain('used already');
    dateRanges.remove('other', 200_000);
    expect(dateRanges.add(range('a'), 200_000)).toBeUndefined();
  });

  it('holds 256 ranges, the newest', () => {
    const dateRanges = listing(...Array.from({ length: 300 }, (_, index) => range(`r${index}`)));
    expect(dateRanges.listed.length).toBe(256);
    expect(dateRanges.listed[0]?.id).toBe('r44');
    expect(dateRanges.since(0).removed.length).toBe(44);
  });
});

describe('DateRanges.leave', () => {
  it.each<[string, Partial<DateRange>, number]>([
    ['an instant', {}, 0],
    ['a duration', { durationSeconds: 5 }, 5],
    ['an end', { endDate: at(7) }, 7],
    ['a planned duration', { plannedDurationSeconds: 4 }, 4],
    ['an end before what was planned', { plannedDurationSeconds: 9, durationSeconds: 3 }, 3],
  ])('lets %s go when its time has left the window', (_name, more, endSeconds) => {
    const dateRanges = listing(range('a', more));
    dateRanges.leave(startMs + endSeconds * 1_000, 1_000);
    expect(idsOf(dateRanges)).toEqual(['a']);
    dateRanges.leave(startMs + endSeconds * 1_000 + 1, 2_000);
    expect(idsOf(dateRanges)).toEqual([]);
    expect(dateRanges.since(1_500).removed).toEqual(['a']);
    expect(dateRanges.since(2_001).removed).toEqual([]);
  });

  it('keeps a splice without end, and one that ends where the next begins', () => {
    const dateRanges = listing(
      range('splice', { scte35Out: Uint8Array.of(1), plannedDurationSeconds: 30 }),
      range('first', { className: 'c', endOnNext: true }),
    );
    dateRanges.leave(startMs + 1e9, 0);
    expect(idsOf(dateRanges)).toEqual(['splice', 'first']);
    dateRanges.add(range('second', { className: 'c', startDate: at(10), endOnNext: true }), 0);
    dateRanges.add(range('other', { className: 'd', startDate: at(5), endOnNext: true }), 0);
    dateRanges.leave(startMs + 10_001, 0);
    expect(idsOf(dateRanges)).toEqual(['splice', 'second', 'other']);
  });
});

describe('DateRanges.since', () => {
  it('tells what was added or added to', () => {
    const dateRanges = listing(range('a'), range('b'));
    dateRanges.add(range('c'), 5_000);
    dateRanges.add(range('a', { durationSeconds: 1 }), 6_000);
    expect(dateRanges.since(5_000).added.map(({ id }) => id)).toEqual(['c', 'a']);
    expect(dateRanges.since(5_001).added.map(({ id }) => id)).toEqual(['a']);
  });
});

describe('a player that takes updates', () => {
  /** Between two reloads of a player: something happens, and time goes on by less than half the Skip Boundary. */
  const step = fc.record({
    waitMs: fc.integer({ min: 0, max: 6_000 }),
    happens: fc.oneof(
      fc.record({ kind: fc.constant('add' as const), id: fc.integer({ min: 0, max: 9 }), seconds: fc.nat(30) }),
      fc.record({ kind: fc.constant('extend' as const), id: fc.integer({ min: 0, max: 9 }), seconds: fc.nat(30) }),
      fc.record({ kind: fc.constant('remove' as const), id: fc.integer({ min: 0, max: 9 }), seconds: fc.nat(30) }),
      fc.record({ kind: fc.constant('leave' as const), id: fc.constant(0), seconds: fc.nat(60) }),
    ),
  });

  it('has the same date ranges as one that reads whole playlists, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const dateRanges = new DateRanges();
        const seen = new Map<string, DateRange>();
        let nowMs = 0;
        for (const { waitMs, happens } of steps) {
          nowMs += waitMs;
          const id = `r${happens.id}`;
          const { seconds } = happens;
          if (happens.kind === 'add') dateRanges.add(range(id, { plannedDurationSeconds: seconds }), nowMs);
          if (happens.kind === 'extend') dateRanges.add(range(id, { durationSeconds: seconds }), nowMs);
          if (happens.kind === 'remove') dateRanges.remove(id, nowMs);
          if (happens.kind === 'leave') dateRanges.leave(startMs + seconds * 1_000, nowMs);
          // TARGETDURATION is 2 s.
          const { added, removed } = dateRanges.since(nowMs - 12_000);
          for (const gone of removed) seen.delete(gone);
          for (const each of added) seen.set(each.id, each);
          const byId = (a: DateRange, b: DateRange) => a.id.localeCompare(b.id);
          expect([...seen.values()].sort(byId)).toEqual(dateRanges.listed.toSorted(byId));
        }
      }),
    );
  });
});
