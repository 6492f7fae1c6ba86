import { longestSegmentSeconds, type PlaylistTargets } from '../policy/target-duration.ts';
import type { SegmentWindow } from '../stores/segment-window.ts';

/** A state of a playlist to wait for: this segment is complete, or this part of it is there (rfc8216bis §6.2.5.2). */
export interface AwaitedState {
  readonly msn: number;
  readonly part: number | undefined;
}

/** Which tags may be left out of an update: segments, or date ranges too (rfc8216bis §6.2.5.1). */
export type Skip = 'YES' | 'v2';

/** What the query of a playlist request asks for (rfc8216bis §6.2.5). */
export type DeliveryDirectives =
  | { readonly kind: 'good'; readonly awaited: AwaitedState | undefined; readonly skip: Skip | undefined }
  | { readonly kind: 'bad'; readonly sentence: string };

/** How many segments ahead of the last complete one may be asked for. */
const maxSegmentsAhead = 2;
/** A decimal-integer of 64 bits has no more digits (rfc8216bis §4.2). */
const decimalInteger = /^[0-9]{1,20}$/;

/** Directives that this does not know are none of ours, and are ignored. */
export function parseDeliveryDirectives(query: URLSearchParams): DeliveryDirectives {
  for (const name of ['_HLS_msn', '_HLS_part', '_HLS_skip']) {
    if (query.getAll(name).length > 1) return { kind: 'bad', sentence: `${name} is there more than once` };
  }
  const [msn, part, skip] = [query.get('_HLS_msn'), query.get('_HLS_part'), query.get('_HLS_skip')];
  if (msn !== null && !decimalInteger.test(msn)) return { kind: 'bad', sentence: '_HLS_msn is not a decimal integer' };
  if (part !== null && msn === null) return { kind: 'bad', sentence: '_HLS_part makes no sense without _HLS_msn' };
  if (part !== null && !decimalInteger.test(part)) {
    return { kind: 'bad', sentence: '_HLS_part is not a decimal integer' };
  }
  if (skip !== null && skip !== 'YES' && skip !== 'v2') {
    return { kind: 'bad', sentence: '_HLS_skip is neither YES nor v2' };
  }
  const awaited = msn === null ? undefined : { msn: Number(msn), part: part === null ? undefined : Number(part) };
  return { kind: 'good', awaited, skip: skip ?? undefined };
}

/** Why nobody should wait for it; `undefined` when it may come soon. */
export function tooFarAhead(
  window: SegmentWindow,
  targets: PlaylistTargets,
  { msn, part }: AwaitedState,
): string | undefined {
  const { nextPart } = window;
  const lastMsn = nextPart.msn - 1;
  if (msn > lastMsn + maxSegmentsAhead) {
    return `_HLS_msn ${msn} is too far ahead: the last segment is ${lastMsn}`;
  }
  if (part === undefined || msn < nextPart.msn) return undefined;
  const limit = advancePartLimit(targets);
  const lastPart = msn === nextPart.msn ? nextPart.part - 1 : -1;
  return part > lastPart + limit ? `_HLS_part ${part} is too far ahead: the last part is ${lastPart}` : undefined;
}

/**
 * How many parts ahead of the last one may be asked for. The draft wants three seconds of them (rfc8216bis §6.2.5.2).
 * Where segments are longer than that, hls.js asks for more: for the last part of the running segment with
 * `lowLatencyMode: false`, and for as many parts as the playlist is old at its coming. It takes the 400 for the end of
 * the stream. So two segments of parts may be asked for then, which is as far as `_HLS_msn` alone reaches; nobody waits
 * longer for it, because a part beyond its segment's last is the first of the next.
 */
function advancePartLimit({ targetDurationSeconds, partTargetMs }: PlaylistTargets): number {
  const draftLimit = partTargetMs < 1_000 ? Math.ceil(3_000 / partTargetMs) : 3;
  if (targetDurationSeconds <= 3) return draftLimit;
  return Math.max(draftLimit, Math.ceil((2_000 * longestSegmentSeconds(targetDurationSeconds)) / partTargetMs));
}

/** Whether the playlist of now holds what was asked for, or something later. */
export function isReached({ lastCompleteMsn, segments, open }: SegmentWindow, { msn, part }: AwaitedState): boolean {
  if (part === undefined || msn < (segments[0]?.msn ?? 0)) return lastCompleteMsn >= msn;
  // A part past its segment's last is the first one of the next segment. Where that is a gap, which has none, the gap is
  // what there is to tell: of a rendition that nobody makes for a while there is nothing else.
  let [awaitedMsn, awaitedPart] = [msn, part];
  while (awaitedMsn <= lastCompleteMsn) {
    const parts = segments[awaitedMsn - (segments[0]?.msn ?? 0)]?.parts.length ?? 0;
    if (awaitedPart < Math.max(1, parts)) return true;
    awaitedMsn++;
    awaitedPart = 0;
  }
  return open?.head.msn === awaitedMsn && open.parts.length > awaitedPart;
}

/** The same of an I-frame playlist, which has no parts. */
export function iFrameTooFarAhead(
  { lastMsn }: { readonly lastMsn: number },
  { msn }: AwaitedState,
): string | undefined {
  return msn > lastMsn + maxSegmentsAhead
    ? `_HLS_msn ${msn} is too far ahead: the last I-frame is ${lastMsn}`
    : undefined;
}
