import type { PlaylistTargets } from '../policy/target-duration.ts';
import type { SegmentWindow } from '../stores/segment-window.ts';

/** What a playlist request asks to wait for (rfc8216bis §6.2.5.2). */
export type DeliveryDirectives =
  | { readonly kind: 'none' }
  /** Until this segment is complete, or this part of it is there. */
  | { readonly kind: 'block'; readonly msn: number; readonly part: number | undefined }
  | { readonly kind: 'bad'; readonly sentence: string };

/** How many segments ahead of the last complete one may be asked for. */
const maxSegmentsAhead = 2;
const decimalInteger = /^[0-9]{1,15}$/;

export function parseDeliveryDirectives(query: URLSearchParams): DeliveryDirectives {
  const msn = query.get('_HLS_msn');
  const part = query.get('_HLS_part');
  if (msn === null) {
    return part === null ? { kind: 'none' } : { kind: 'bad', sentence: '_HLS_part makes no sense without _HLS_msn' };
  }
  if (!decimalInteger.test(msn)) return { kind: 'bad', sentence: '_HLS_msn is not a decimal integer' };
  if (part !== null && !decimalInteger.test(part)) {
    return { kind: 'bad', sentence: '_HLS_part is not a decimal integer' };
  }
  return { kind: 'block', msn: Number(msn), part: part === null ? undefined : Number(part) };
}

/** Why nobody should wait for it; `undefined` when it may come soon. */
export function tooFarAhead(
  window: SegmentWindow,
  { partTargetMs }: PlaylistTargets,
  { msn, part }: { readonly msn: number; readonly part: number | undefined },
): string | undefined {
  const { lastCompleteMsn, nextPart } = window;
  if (msn > lastCompleteMsn + maxSegmentsAhead) {
    return `_HLS_msn ${msn} is too far ahead: the last segment is ${lastCompleteMsn}`;
  }
  if (part === undefined || msn < nextPart.msn) return undefined;
  // The Advance Part Limit.
  const limit = partTargetMs < 1_000 ? Math.ceil(3_000 / partTargetMs) : 3;
  const lastPart = msn === nextPart.msn ? nextPart.part - 1 : -1;
  return part > lastPart + limit ? `_HLS_part ${part} is too far ahead: the last part is ${lastPart}` : undefined;
}

/** Whether the playlist of now holds what was asked for, or something later. */
export function isReached(
  window: SegmentWindow,
  { msn, part }: { readonly msn: number; readonly part: number | undefined },
): boolean {
  const { lastCompleteMsn, segments, open } = window;
  if (part === undefined) return lastCompleteMsn >= msn;
  if (open?.head.msn === msn) return open.parts.length > part;
  if (msn > lastCompleteMsn) return false;
  const first = segments[0];
  // What has left the window is answered with the playlist as it is.
  if (first === undefined || msn < first.msn) return true;
  // A part past its segment's last is the first one of the next segment.
  const parts = segments[msn - first.msn]?.parts.length ?? 0;
  return part < parts || isReached(window, { msn: msn + 1, part: 0 });
}
