import type { AccessUnit } from '../../formats/media/access-unit.ts';
import type { PublishItem } from '../rtmp-publisher.ts';
import type { Demuxer, TimedUnit } from './demuxer.ts';

/**
 * The items to publish, with timestamps that begin at 0 and go on across loops: each pass begins where the longest
 * track of the one before ended, for all tracks, so that they stay together. Times are kept in seconds and rounded to
 * milliseconds at the end, so that nothing adds up.
 */
export async function* continuousItems(
  demuxer: Demuxer,
  { loop }: { readonly loop: boolean },
): AsyncGenerator<PublishItem, void, undefined> {
  for (const config of demuxer.trackConfigs) yield { kind: 'config', config };
  let startSeconds: number | undefined;
  let passSeconds = 0;
  for (;;) {
    const extents = new Map<TimedUnit['kind'], Extent>();
    for await (const item of demuxer.pass()) {
      if (item.kind === 'config') {
        yield item;
        continue;
      }
      const { unit } = item;
      startSeconds ??= unit.decodeSeconds;
      extend(extents, unit);
      yield { kind: 'unit', unit: accessUnit(unit, passSeconds - startSeconds) };
    }
    // An empty file would turn for ever.
    if (!loop || extents.size === 0) return;
    passSeconds += Math.max(...[...extents.values()].map(({ fromSeconds, toSeconds }) => toSeconds - fromSeconds));
  }
}

/** Of one track in presentation. */
interface Extent {
  fromSeconds: number;
  toSeconds: number;
}

function extend(extents: Map<TimedUnit['kind'], Extent>, unit: TimedUnit): void {
  const from = unit.presentationSeconds;
  const to = from + unit.durationSeconds;
  const extent = extents.get(unit.kind);
  if (extent === undefined) {
    extents.set(unit.kind, { fromSeconds: from, toSeconds: to });
  } else {
    extent.fromSeconds = Math.min(extent.fromSeconds, from);
    extent.toSeconds = Math.max(extent.toSeconds, to);
  }
}

function accessUnit(unit: TimedUnit, shiftSeconds: number): AccessUnit {
  // A container that interleaves badly may begin with a later unit than its first: nothing is before 0.
  const decodeMs = Math.max(0, Math.round((unit.decodeSeconds + shiftSeconds) * 1_000));
  const timestampMs = decodeMs % 2 ** 32;
  const { data, keyframe } = unit;
  if (unit.kind === 'audio') return { kind: 'audio', trackId: 0, timestampMs, data };
  const compositionOffsetMs = Math.round((unit.presentationSeconds + shiftSeconds) * 1_000) - decodeMs;
  return { kind: 'video', trackId: 0, timestampMs, keyframe, compositionOffsetMs, data };
}
