import type { DateRange } from '../formats/m3u8/date-range.ts';

/** Ranges that a stream's playlists hold at most: beyond it the oldest leave. */
const maxRanges = 256;
/** How long it is remembered what has left: longer than any Skip Boundary there is. */
const rememberedMs = 120_000;
const maxIdLength = 255;
const legalId = /^[^"\p{Cc}]+$/u;
const extensionName = /^X-[A-Z0-9-]+$/;
const isoDate = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

interface ListedRange {
  readonly range: DateRange;
  readonly addedAtMs: number;
}

/** What a Playlist Delta Update needs to know of date ranges (rfc8216bis §6.2.5.1). */
export interface RecentDateRanges {
  /** Added since. */
  readonly added: readonly DateRange[];
  /** The IDs of those that have left since. */
  readonly removed: readonly string[];
}

/**
 * The date ranges of a live stream, the same in all its playlists: from when they are announced until their time has
 * left the window. What ends when nobody knows takes its planned duration; an open splice stays for as long as there is
 * room. `nowMs` is monotonic time.
 */
export class DateRanges {
  /** By ID, in the order in which they were added. */
  readonly #listed = new Map<string, ListedRange>();
  #removed: { readonly id: string; readonly atMs: number }[] = [];

  get listed(): readonly DateRange[] {
    return [...this.#listed.values()].map(({ range }) => range);
  }

  /**
   * Lists a range, or says more of one that is listed: attributes that it had not are added, those that it had stay as
   * they are, since they must not change (rfc8216bis §4.4.5.1). Returns why it cannot be listed, if so.
   */
  add(range: DateRange, nowMs: number): string | undefined {
    const before = this.#listed.get(range.id);
    const merged = before === undefined ? range : union(before.range, range);
    const fault = dateRangeFault(merged);
    if (fault !== undefined) return fault;
    if (this.#removed.some(({ id }) => id === range.id)) return 'ID has been used already';
    if (before === undefined && this.#listed.size >= maxRanges) {
      const [oldest] = this.#listed.keys();
      if (oldest !== undefined) this.remove(oldest, nowMs);
    }
    // What is new about it must reach players that left out what is old.
    this.#listed.delete(range.id);
    this.#listed.set(range.id, { range: merged, addedAtMs: nowMs });
    return undefined;
  }

  /** Takes one away before its time: a splice that was cancelled. */
  remove(id: string, nowMs: number): void {
    if (this.#listed.delete(id)) this.#removed.push({ id, atMs: nowMs });
    this.#removed = this.#removed.filter(({ atMs }) => atMs > nowMs - rememberedMs).slice(-maxRanges);
  }

  /** Those go whose time was over at `windowStartMs` (wall clock), where the playlists begin. */
  leave(windowStartMs: number, nowMs: number): void {
    for (const [id, { range }] of this.#listed) {
      if (this.#endMs(range) < windowStartMs) this.remove(id, nowMs);
    }
  }

  since(sinceMs: number): RecentDateRanges {
    return {
      added: [...this.#listed.values()].filter(({ addedAtMs }) => addedAtMs >= sinceMs).map(({ range }) => range),
      removed: this.#removed.filter(({ atMs }) => atMs >= sinceMs).map(({ id }) => id),
    };
  }

  /** Wall clock; infinity when it is not known. */
  #endMs(range: DateRange): number {
    const startMs = Date.parse(range.startDate);
    if (range.endDate !== undefined) return Date.parse(range.endDate);
    if (range.durationSeconds !== undefined) return startMs + range.durationSeconds * 1_000;
    if (range.endOnNext !== true) {
      return range.scte35Out === undefined ? startMs + (range.plannedDurationSeconds ?? 0) * 1_000 : Infinity;
    }
    const following = [...this.#listed.values()]
      .filter((other) => other.range.className === range.className)
      .map((other) => Date.parse(other.range.startDate))
      .filter((otherMs) => otherMs > startMs);
    return Math.min(Infinity, ...following);
  }
}

/** What `before` says, and what `more` says beyond it. */
function union(before: DateRange, more: DateRange): DateRange {
  const extensions = { ...more.extensions, ...before.extensions };
  return { ...more, ...before, ...(Object.keys(extensions).length > 0 ? { extensions } : {}) };
}

/** Why a playlist may not hold this range; `undefined` when it may. */
function dateRangeFault(range: DateRange): string | undefined {
  const { id, className, cue, durationSeconds, plannedDurationSeconds, endOnNext } = range;
  const startMs = isoDateMs(range.startDate);
  const endMs = range.endDate === undefined ? undefined : isoDateMs(range.endDate);
  if (id.length > maxIdLength || !legalId.test(id)) return 'ID is empty, too long or not printable';
  if (Number.isNaN(startMs)) return 'START-DATE is no date with time zone';
  if (Number.isNaN(endMs)) return 'END-DATE is no date with time zone';
  if (endMs !== undefined && endMs < startMs) return 'END-DATE is before START-DATE';
  if (!isLength(durationSeconds)) return 'DURATION is no length of time';
  if (!isLength(plannedDurationSeconds)) return 'PLANNED-DURATION is no length of time';
  if (cue?.includes('PRE') === true && cue.includes('POST')) return 'CUE is both PRE and POST';
  if (endOnNext === true && className === undefined) return 'END-ON-NEXT needs a CLASS';
  if (endOnNext === true && (durationSeconds !== undefined || endMs !== undefined)) {
    return 'END-ON-NEXT goes with neither DURATION nor END-DATE';
  }
  if (durationSeconds !== undefined && endMs !== undefined && Math.abs(endMs - startMs - durationSeconds * 1_000) > 1) {
    return 'END-DATE is not START-DATE + DURATION';
  }
  return extensionFault(range.extensions ?? {});
}

function extensionFault(extensions: NonNullable<DateRange['extensions']>): string | undefined {
  for (const [name, value] of Object.entries(extensions)) {
    if (!extensionName.test(name)) return `${name} is no name of an attribute`;
    if (typeof value === 'number' && !Number.isFinite(value)) return `${name} is no number`;
  }
  return undefined;
}

function isLength(seconds: number | undefined): boolean {
  return seconds === undefined || (Number.isFinite(seconds) && seconds >= 0);
}

/** NaN when it is none. */
function isoDateMs(date: string): number {
  return isoDate.test(date) ? Date.parse(date) : Number.NaN;
}
