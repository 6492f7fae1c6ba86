import { ReadWindow } from '../media/read-window.ts';
import type { Reading } from '../media/stored-media.ts';
import type { TrackConfig } from '../media/track.ts';
import { messageType } from '../rtmp/message.ts';
import { longestDurationMs } from './file-metadata.ts';
import { fileTimeMs } from './file-time.ts';
import type { FlvIndex } from './flv-index.ts';
import { findTag, roleOf, type StoredTag, tagAt } from './tag-walk.ts';

/** How much of the end is read, until a tag of each kind is among it. */
const tailBytes = [65_536, 524_288, 2_097_152, 12_582_912] as const;

/** Where a file has one picture now and then, its sound need not be looked for at any cost, nor the other way round. */
const enoughTailBytes = 2_097_152;

interface KindEnd {
  readonly timeMs: number;
  readonly lastsMs: number;
  readonly farAheadMs: number | undefined;
}

const maxGapMs = 600_000;

/**
 * When the last frame of a file ends, by the tags at its end; of a file that was cut, by the last whole one. `undefined`
 * where no tag is found there.
 */
export function* fileEndMs(index: Omit<FlvIndex, 'durationMs'>): Reading<number | undefined> {
  const { lengthBytes, firstTagAt, trackConfigs, chained } = index;
  const kinds = new Set(trackConfigs.map(({ kind }) => kind));
  for (const bytes of tailBytes) {
    const window = new ReadWindow({
      lengthBytes,
      windowBytes: Math.min(bytes, 1_048_576),
      maxBytes: 4 * bytes + 1_048_576,
      what: 'looking for the last frame of an FLV file',
    });
    const from = Math.max(firstTagAt, lengthBytes - bytes);
    const tag = yield* from === firstTagAt ? tagAt(window, from) : findTag(window, from, lengthBytes, chained);
    const ends = tag && (yield* endsFrom(window, tag, index));
    const seen = ends?.size ?? 0;
    const isLast = from === firstTagAt || bytes === tailBytes.at(-1);
    if (ends !== undefined && seen > 0 && (isLast || seen === kinds.size || bytes >= enoughTailBytes)) {
      return Math.min(
        longestDurationMs,
        Math.max(...[...ends.values()].map(({ timeMs, lastsMs }) => timeMs + lastsMs)),
      );
    }
    if (isLast) return undefined;
  }
  return undefined;
}

function* endsFrom(
  window: ReadWindow,
  first: StoredTag,
  { baseMs, trackConfigs }: Omit<FlvIndex, 'durationMs'>,
): Reading<Map<number, KindEnd>> {
  const ends = new Map<number, KindEnd>();
  for (let tag: StoredTag | undefined = first; tag !== undefined; tag = yield* tagAt(window, tag.nextAt)) {
    const role = yield* roleOf(window, tag, 0);
    if (role !== 'frame' && role !== 'keyframe') continue;
    const timeMs = fileTimeMs(tag.timestampMs, baseMs);
    const before = ends.get(tag.typeId);
    const kind = tag.typeId === messageType.audio ? 'audio' : 'video';
    const config = trackConfigs.find((track) => track.kind === kind);
    ends.set(tag.typeId, laterEnd(before, timeMs, frameMs(config)));
  }
  return ends;
}

/** One timestamp that is far ahead is damage, unless what follows is there too. */
function laterEnd(before: KindEnd | undefined, timeMs: number, frameMsOfTrack: number | undefined): KindEnd {
  if (before === undefined) return { timeMs, lastsMs: frameMsOfTrack ?? 0, farAheadMs: undefined };
  const gapMs = timeMs - before.timeMs;
  if (gapMs > maxGapMs && (before.farAheadMs === undefined || timeMs < before.farAheadMs)) {
    return { ...before, farAheadMs: timeMs };
  }
  const lastsMs = frameMsOfTrack ?? (gapMs > 0 && gapMs <= maxGapMs ? gapMs : before.lastsMs);
  return { timeMs: Math.max(timeMs, before.timeMs), lastsMs, farAheadMs: undefined };
}

/** Where every frame lasts the same. */
function frameMs(config: TrackConfig | undefined): number | undefined {
  if (config === undefined) return undefined;
  if (config.kind === 'video') {
    return config.framesPerSecond === undefined ? undefined : Math.round(1_000 / config.framesPerSecond);
  }
  const { samplesPerFrame, sampleRate } = config;
  return samplesPerFrame === undefined ? undefined : Math.round((samplesPerFrame * 1_000) / sampleRate);
}
