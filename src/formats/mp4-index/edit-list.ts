import { LimitError } from '../../base/errors.ts';
import { type Box, boxError, boxField, boxTable, childBox } from './box.ts';
import { maxEdits } from './limits.ts';
import type { SampleTable } from './sample-table.ts';

/** A piece of a track's media, and where the presentation shows it (ISO/IEC 14496-12 §8.6.6). */
export interface Edit {
  /** Of the presentation, before all tracks are shifted alike. */
  readonly startMs: number;
  /** `undefined`: to the end of the media. */
  readonly durationMs: number | undefined;
  /** Composition time of the media that is shown first. */
  readonly mediaTimeTicks: number;
}

/** Samples of a track that stand in the presentation, one behind the other. */
export interface Span extends Edit {
  readonly firstSample: number;
  readonly endSample: number;
  /** The first in decode order that is shown; those before it are only decoded. */
  readonly shownSample: number;
  /** Its decode time. */
  readonly shownTicks: number;
}

/** Without an edit list all of the media is shown, at its own time. */
const wholeMedia: readonly Edit[] = [{ startMs: 0, durationMs: undefined, mediaTimeTicks: 0 }];

/**
 * Reads `edts/elst` of a track. Empty edits, and those that hold one picture for a while (rate 0), move what follows.
 * Throws `ProtocolError` for what is damaged, `LimitError` for more edits than players know what to do with.
 */
export function readEditList(trak: Box, movieTimescale: number): readonly Edit[] {
  const edts = childBox(trak, 'edts');
  const elst = edts && childBox(edts, 'elst');
  if (elst === undefined) return wholeMedia;
  const isWide = boxField(elst, 0) >>> 24 === 1;
  const table = boxTable(elst, 4, isWide ? 20 : 12);
  const edits: Edit[] = [];
  let startMs = 0;
  for (let entry = 0; entry < table.count; entry++) {
    const at = entry * (isWide ? 20 : 12);
    const duration = isWide ? Number(table.view.getBigInt64(at)) : table.view.getUint32(at);
    const mediaTime = isWide ? Number(table.view.getBigInt64(at + 8)) : table.view.getInt32(at + 4);
    const rate = table.view.getInt16(at + (isWide ? 16 : 8));
    if (duration < 0 || mediaTime < -1 || !Number.isSafeInteger(duration) || !Number.isSafeInteger(mediaTime)) {
      throw boxError(elst, `shows media time ${mediaTime} for ${duration}`, 8 + at);
    }
    const durationMs = (duration * 1_000) / movieTimescale;
    // No duration at all is what fragmented files write, for a presentation whose end is not known.
    const isOpen = duration === 0 && entry === table.count - 1;
    if (mediaTime >= 0 && rate !== 0 && (durationMs > 0 || isOpen)) {
      edits.push({ startMs, durationMs: isOpen ? undefined : durationMs, mediaTimeTicks: mediaTime });
    }
    if (edits.length > maxEdits) {
      throw new LimitError('MP4_TOO_MANY_EDITS', `edits of ${elst.path}`, { limit: maxEdits, value: edits.length });
    }
    startMs += durationMs;
  }
  return edits.length === 0 ? wholeMedia : edits;
}

/** What a decoder of sound must have heard before the first sample that is right; Opus asks for the longest (80 ms). */
const audioPrerollMs = 100;
/** Samples that are looked at to find where edits begin and end, over all edits of a track. */
const maxLooks = 20_000_000;

/**
 * The samples that each edit shows, with those that must be decoded before: from the keyframe on for pictures, for sound
 * some before the first edit. Throws `LimitError` for edits that take too long to find.
 */
export function spansOf(
  edits: readonly Edit[],
  table: SampleTable,
  track: { readonly kind: 'video' | 'audio'; readonly timescale: number; readonly path: string },
): Span[] {
  const { compositionOffsetsTicks: offsets, durationsTicks } = table.columns;
  let looks = 0;
  const look = () => {
    if (++looks > maxLooks) {
      throw new LimitError('MP4_EDITS_TOO_COSTLY', `samples looked at for edits of ${track.path}`, {
        limit: maxLooks,
        value: looks,
      });
    }
  };
  const firstShown = (mediaTimeTicks: number): number | undefined => {
    const walk = table.walkFrom(table.sampleAtTicks(mediaTimeTicks - offsets.max - durationsTicks.max));
    for (let sample = walk.next(); sample !== undefined; sample = walk.next()) {
      look();
      const end = sample.decodeTicks + sample.compositionOffsetTicks + sample.durationTicks;
      if (end > mediaTimeTicks) return sample.index;
    }
    return undefined;
  };
  const endOf = (first: number, endTicks: number): number => {
    // All before this one are shown earlier, all behind the last later, however they are reordered.
    const least = Math.max(first, table.sampleAtTicks(endTicks - offsets.max - 1));
    const last = table.sampleAtTicks(endTicks - offsets.base);
    const walk = table.walkFrom(least);
    let end = least;
    for (let sample = walk.next(); sample !== undefined && sample.index <= last; sample = walk.next()) {
      look();
      if (sample.decodeTicks + sample.compositionOffsetTicks < endTicks) end = sample.index + 1;
    }
    return end;
  };
  const spans: Span[] = [];
  if (edits === wholeMedia) {
    const all = { firstSample: 0, endSample: table.count, shownSample: 0, shownTicks: 0 };
    return table.count === 0 ? [] : wholeMedia.map((edit) => ({ ...edit, ...all }));
  }
  for (const edit of edits) {
    const shown = firstShown(edit.mediaTimeTicks);
    if (shown === undefined) continue;
    const firstSample =
      track.kind === 'video'
        ? (table.syncAtOrBefore(shown) ?? shown)
        : spans.length > 0
          ? shown
          : Math.min(shown, table.sampleAtTicks(edit.mediaTimeTicks - (audioPrerollMs * track.timescale) / 1_000));
    const endSample =
      edit.durationMs === undefined
        ? table.count
        : endOf(shown, edit.mediaTimeTicks + (edit.durationMs * track.timescale) / 1_000);
    // Sound has no pictures to hide: what is heard too early stands before the beginning, where it belongs.
    const shownSample = track.kind === 'video' ? shown : firstSample;
    const shownTicks = table.sample(shownSample).decodeTicks;
    if (endSample > firstSample) spans.push({ ...edit, firstSample, endSample, shownSample, shownTicks });
  }
  return spans;
}
