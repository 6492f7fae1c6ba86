import type { SegmentHead, StoredSegment } from '../segment-window.ts';
import type { KeptSegment } from './segment-file.ts';

/** A segment that has begun; times are media time. */
export interface BegunSegment {
  readonly msn: number;
  readonly startSeconds: number;
  readonly discontinuity: boolean;
}

/** What a stream was about when its state was written last. */
export interface Progress {
  /** No sequence number from here on has been used. */
  readonly nextMsn: number;
  /** The segment that had begun last, if it was open: viewers may have had parts of it. */
  readonly begun: BegunSegment | undefined;
}

export interface MendingOptions {
  readonly progress: Progress;
  /** Where media time stands now. */
  readonly nowSeconds: number;
  readonly segmentSeconds: number;
  /** No segment may be longer. */
  readonly longestSegmentSeconds: number;
  /** The initialisation segment of a rendition of which no segment is left. */
  readonly initIndexOf: (rendition: string) => number;
  /** As a playlist writes it. */
  readonly programDateTimeAt: (mediaSeconds: number) => string;
}

export interface MendedStream {
  /** By rendition: one segment for each sequence number, those that are on the disk and gaps. */
  readonly windows: ReadonlyMap<string, readonly KeptSegment[]>;
  /** What new media begins with. */
  readonly nextMsn: number;
  /** Where it may begin at the earliest. */
  readonly endSeconds: number;
}

/** A gap is this long at least, where nothing says how long. */
const leastGapSeconds = 0.1;

/** One behind a segment of its own rendition that ended later than the others' did. */
const shortestGapSeconds = 0.01;

/** Renditions are no further apart than this. */
const alignmentSeconds = 0.3;

interface Span {
  readonly msn: number;
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly discontinuity: boolean;
}

/**
 * The windows of a stream's renditions after a restart, out of the segments that are on the disk. What is missing
 * becomes a gap: a segment that was open or not written yet, and after a kill the outage, so that sequence numbers that
 * viewers may have met are never used again. `undefined` when no viewer can have met anything.
 */
export function mendWindows(
  kept: ReadonlyMap<string, readonly KeptSegment[]>,
  options: MendingOptions,
): MendedStream | undefined {
  const spans = knownSpans(kept);
  const { begun } = options.progress;
  if (spans.length === 0 && (begun === undefined || begun.msn === 0)) return undefined;
  const whole = withTrailingGaps(withoutHoles(spans, kept, options.longestSegmentSeconds), options);
  // Of a rendition that has lost everything, as of the others.
  const [some] = [...kept.values()].flatMap(([first]) => first ?? []);
  const discontinuities = some === undefined ? 0 : discontinuitiesBefore(some);
  const windows = new Map(
    [...kept].map(([rendition, segments]) => {
      const lost = { initIndex: options.initIndexOf(rendition), discontinuities };
      return [rendition, windowOf(segments, whole, lost, options)] as const;
    }),
  );
  const last = whole.at(-1);
  return {
    windows,
    nextMsn: last === undefined ? options.progress.nextMsn : last.msn + 1,
    endSeconds: Math.max(0, ...whole.map(({ endSeconds }) => endSeconds), ...endsOf(kept)),
  };
}

/**
 * Without the segment that was open, where that began a discontinuity and one rendition has nothing of it: players that
 * know the one by the pictures of another would wait for those.
 */
export function withoutBarelyBegun(
  kept: ReadonlyMap<string, readonly KeptSegment[]>,
  begun: BegunSegment | undefined,
): ReadonlyMap<string, readonly KeptSegment[]> {
  const isBegun = ({ segment }: KeptSegment) => segment.msn === begun?.msn;
  if (begun?.discontinuity !== true || [...kept.values()].every((segments) => segments.some(isBegun))) return kept;
  return new Map([...kept].map(([name, segments]) => [name, segments.filter((segment) => !isBegun(segment))]));
}

/** One for each sequence number that any rendition has, in order. */
function knownSpans(kept: ReadonlyMap<string, readonly KeptSegment[]>): Span[] {
  const spans = new Map<number, Span>();
  for (const segments of kept.values()) {
    for (const { segment } of segments) {
      const { msn, startSeconds, durationSeconds, discontinuity } = segment;
      if (!spans.has(msn)) {
        spans.set(msn, { msn, startSeconds, endSeconds: startSeconds + durationSeconds, discontinuity });
      }
    }
  }
  return [...spans.values()].sort((a, b) => a.msn - b.msn);
}

/** Those that no rendition has lie between their neighbours; how many discontinuities were there is known. */
function withoutHoles(
  spans: readonly Span[],
  kept: ReadonlyMap<string, readonly KeptSegment[]>,
  longestSeconds: number,
): Span[] {
  const whole: Span[] = [];
  for (const span of spans) {
    const before = whole.at(-1);
    if (before !== undefined) {
      const discontinuities = discontinuitiesBetween(kept, before, span);
      whole.push(
        ...hole(before, span, longestSeconds).map((gap, index) => ({ ...gap, discontinuity: index < discontinuities })),
      );
    }
    whole.push(span);
  }
  return whole;
}

/** Equal gaps from the end of one segment to the beginning of another. */
function hole(before: Span, after: Pick<Span, 'msn' | 'startSeconds'>, longestSeconds: number): Span[] {
  const count = after.msn - before.msn - 1;
  const stepSeconds = Math.max(leastGapSeconds, (after.startSeconds - before.endSeconds) / count);
  return Array.from({ length: count }, (_, index) => {
    const startSeconds = before.endSeconds + index * stepSeconds;
    const endSeconds = startSeconds + Math.min(stepSeconds, longestSeconds);
    return { msn: before.msn + 1 + index, startSeconds, endSeconds, discontinuity: false };
  });
}

function discontinuitiesBetween(kept: ReadonlyMap<string, readonly KeptSegment[]>, before: Span, after: Span): number {
  for (const segments of kept.values()) {
    const first = segments.find(({ segment }) => segment.msn === before.msn);
    const last = segments.find(({ segment }) => segment.msn === after.msn);
    if (first !== undefined && last !== undefined) {
      return discontinuitiesBefore(last) - first.discontinuities;
    }
  }
  return 0;
}

/**
 * The numbers that viewers may have met, and where somebody published, as many as fit into the time since: the disk may
 * have been behind. Nobody knows how much there was of them, and each is as short as may be: players keep what they have,
 * and hls.js steps over a gap only if that does not reach beyond what it has. Nor does any begin a discontinuity: hls.js
 * plays no sound behind one without pictures.
 */
function withTrailingGaps(spans: readonly Span[], options: MendingOptions): Span[] {
  const { progress, nowSeconds, segmentSeconds, longestSegmentSeconds } = options;
  const { begun } = progress;
  const last = spans.at(-1);
  const isOpen = begun !== undefined && begun.msn > (last?.msn ?? -1);
  // A run of time of which nothing is left takes none.
  const begunSeconds = begun?.discontinuity === true ? (last?.endSeconds ?? 0) : (begun?.startSeconds ?? 0);
  const lost = isOpen && last !== undefined ? { msn: begun.msn, startSeconds: begunSeconds } : undefined;
  const whole =
    last === undefined || lost === undefined ? [...spans] : [...spans, ...hole(last, lost, longestSegmentSeconds)];
  const firstMsn = isOpen ? begun.msn : (last?.msn ?? 0) + 1;
  const startSeconds = Math.max(isOpen ? begunSeconds : 0, whole.at(-1)?.endSeconds ?? 0);
  const met = Math.max(0, progress.nextMsn - firstMsn);
  const sinceSeconds = begun === undefined ? 0 : nowSeconds - startSeconds;
  const count = Math.max(met, Math.ceil(sinceSeconds / segmentSeconds));
  for (let index = 0; index < count; index++) {
    const from = startSeconds + index * leastGapSeconds;
    whole.push({ msn: firstMsn + index, startSeconds: from, endSeconds: from + leastGapSeconds, discontinuity: false });
  }
  return whole;
}

function windowOf(
  kept: readonly KeptSegment[],
  spans: readonly Span[],
  lost: { readonly initIndex: number; readonly discontinuities: number },
  { programDateTimeAt, longestSegmentSeconds }: MendingOptions,
): KeptSegment[] {
  const byMsn = new Map(kept.map((segment) => [segment.segment.msn, segment]));
  const [first] = kept;
  let initIndex = first?.segment.initIndex ?? lost.initIndex;
  let discontinuities = first === undefined ? lost.discontinuities : discontinuitiesBefore(first);
  let [sequenceNumber, iFrames] = [0, 0];
  const window: KeptSegment[] = [];
  for (const span of spans) {
    if (first !== undefined && span.msn < first.segment.msn) continue;
    if (span.discontinuity) discontinuities++;
    const before = window.at(-1)?.segment;
    const beforeEnd =
      before === undefined || span.discontinuity ? undefined : before.startSeconds + before.durationSeconds;
    const startSeconds = beforeEnd ?? span.startSeconds;
    const ownEndSeconds = nearOr(span.endSeconds, byMsn.get(span.msn + 1)?.segment.startSeconds);
    const latestSeconds = startSeconds + longestSegmentSeconds;
    const endSeconds = Math.max(startSeconds + shortestGapSeconds, Math.min(ownEndSeconds, latestSeconds));
    const segment = byMsn.get(span.msn) ?? {
      segment: gap({ ...span, startSeconds, endSeconds }, initIndex, programDateTimeAt),
      discontinuities,
      unitCount: 0,
      sequenceNumber,
      iFrames,
    };
    ({ discontinuities, sequenceNumber, iFrames } = segment);
    ({ initIndex } = segment.segment);
    window.push(segment);
  }
  return window;
}

/** Segments of one number begin and end a frame apart in different renditions: where it is known, as this one has it. */
function nearOr(seconds: number, own: number | undefined): number {
  return own !== undefined && Math.abs(own - seconds) < alignmentSeconds ? own : seconds;
}

/** Before this segment, in its rendition. */
export function discontinuitiesBefore({ segment, discontinuities }: KeptSegment): number {
  return discontinuities - (segment.discontinuity ? 1 : 0);
}

function gap(
  { msn, startSeconds, endSeconds, discontinuity }: Span,
  initIndex: number,
  programDateTimeAt: (mediaSeconds: number) => string,
): StoredSegment {
  const head: SegmentHead = {
    msn,
    startSeconds,
    programDateTime: programDateTimeAt(startSeconds),
    // A gap depends on nothing.
    independent: true,
    discontinuity,
    initIndex,
  };
  return { ...head, durationSeconds: endSeconds - startSeconds, parts: [], byteLength: 0, gap: true };
}

function endsOf(kept: ReadonlyMap<string, readonly KeptSegment[]>): number[] {
  return [...kept.values()].flatMap((segments) =>
    segments.slice(-1).map(({ segment }) => segment.startSeconds + segment.durationSeconds),
  );
}
