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
    const extent = new PassExtent();
    for await (const item of demuxer.pass()) {
      if (item.kind === 'config') {
        yield item;
        continue;
      }
      const { unit } = item;
      startSeconds ??= unit.decodeSeconds;
      extent.add(unit);
      yield { kind: 'unit', unit: placedUnit(unit, passSeconds - startSeconds).unit };
    }
    // An empty file would turn for ever.
    if (!loop || extent.isEmpty) return;
    passSeconds += extent.seconds;
  }
}

/** How long one pass lasts: as long as the longest of its tracks in presentation. */
export class PassExtent {
  readonly #tracks = new Map<TimedUnit['kind'], { fromSeconds: number; toSeconds: number }>();

  get isEmpty(): boolean {
    return this.#tracks.size === 0;
  }

  /** Of what has been added so far. */
  get seconds(): number {
    return Math.max(0, ...[...this.#tracks.values()].map(({ fromSeconds, toSeconds }) => toSeconds - fromSeconds));
  }

  add(unit: TimedUnit): void {
    const from = unit.presentationSeconds;
    const to = from + unit.durationSeconds;
    const extent = this.#tracks.get(unit.kind);
    if (extent === undefined) {
      this.#tracks.set(unit.kind, { fromSeconds: from, toSeconds: to });
    } else {
      extent.fromSeconds = Math.min(extent.fromSeconds, from);
      extent.toSeconds = Math.max(extent.toSeconds, to);
    }
  }
}

/** A unit of a file as it is published, its times moved by `shiftSeconds`; `decodeMs` is not cut to 32 bits. */
export function placedUnit(
  unit: TimedUnit,
  shiftSeconds: number,
): { readonly decodeMs: number; readonly unit: AccessUnit } {
  // A container that interleaves badly may begin with a later unit than its first: nothing is before 0.
  const decodeMs = Math.max(0, Math.round((unit.decodeSeconds + shiftSeconds) * 1_000));
  const timestampMs = decodeMs % 2 ** 32;
  const { data, keyframe } = unit;
  if (unit.kind === 'audio') return { decodeMs, unit: { kind: 'audio', trackId: 0, timestampMs, data } };
  const compositionOffsetMs = Math.round((unit.presentationSeconds + shiftSeconds) * 1_000) - decodeMs;
  return { decodeMs, unit: { kind: 'video', trackId: 0, timestampMs, keyframe, compositionOffsetMs, data } };
}
