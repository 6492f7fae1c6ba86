import { createReadStream } from 'node:fs';
import { ConfigError } from '../../base/errors.ts';
import { FlvReader, type FlvTag } from '../../formats/flv/flv-file.ts';
import { type FlvTrackEvent, FlvTrackReader } from '../../formats/flv/track-reader.ts';
import {
  type AacTrackConfig,
  type AvcTrackConfig,
  sameTrackConfig,
  type TrackConfig,
} from '../../formats/media/track.ts';
import { messageType } from '../../formats/rtmp/message.ts';
import type { DemuxedItem, Demuxer, TimedUnit } from './demuxer.ts';
import { unpublishable } from './unpublishable.ts';

const maxTagBytes = 16_777_215;

/** By then each track of a file has shown its sequence header. */
const probedUnits = 500;

/** Takes an FLV file apart. What it says at its beginning decides: throws `ConfigError` for codecs that are not carried. */
export async function openFlv(path: string): Promise<Demuxer> {
  const configs = new Map<TrackConfig['kind'], TrackConfig>();
  let units = 0;
  for await (const item of flvItems(path)) {
    if (item.kind === 'config' && !configs.has(item.config.kind)) configs.set(item.config.kind, item.config);
    if (item.kind === 'unit' && ++units >= probedUnits) break;
  }
  if (configs.size === 0) throw new ConfigError(`${path} cannot be published:`, ['it holds neither H.264 nor AAC']);
  return {
    trackConfigs: [...configs.values()],
    pass: () => changesOnly(flvItems(path), configs),
    close: () => Promise.resolve(),
  };
}

/** Leaves out the configurations that are in force already: at the beginning `initial`. */
async function* changesOnly(
  items: AsyncIterable<DemuxedItem>,
  initial: ReadonlyMap<TrackConfig['kind'], TrackConfig>,
): AsyncGenerator<DemuxedItem, void, undefined> {
  const inForce = new Map(initial);
  for await (const item of items) {
    if (item.kind === 'config') {
      const current = inForce.get(item.config.kind);
      if (current !== undefined && sameTrackConfig(current, item.config)) continue;
      inForce.set(item.config.kind, item.config);
    }
    yield item;
  }
  // The next pass begins with the first ones again.
  for (const [kind, config] of initial) {
    const last = inForce.get(kind);
    if (last !== undefined && !sameTrackConfig(last, config)) yield { kind: 'config', config };
  }
}

async function* flvItems(path: string): AsyncGenerator<DemuxedItem, void, undefined> {
  const reader = new FlvReader({ maxTagBytes });
  const tracks = new FlvTrackReader();
  const durations = new FrameDurations();
  for await (const bytes of createReadStream(path, { highWaterMark: 262_144 }) as AsyncIterable<Buffer>) {
    for (const tag of reader.push(bytes)) {
      for (const event of readTag(tracks, tag)) {
        const item = demuxEvent(path, event, durations);
        if (item !== undefined) yield item;
      }
    }
  }
}

function readTag(tracks: FlvTrackReader, { typeId, timestampMs, payload }: FlvTag): FlvTrackEvent[] {
  if (typeId === messageType.video) return tracks.readVideo(payload, timestampMs);
  return typeId === messageType.audio ? tracks.readAudio(payload, timestampMs) : [];
}

/** Of the default tracks: further ones are left out. */
function demuxEvent(path: string, event: FlvTrackEvent, durations: FrameDurations): DemuxedItem | undefined {
  switch (event.kind) {
    case 'config': {
      const { config } = event;
      if (config.trackId !== 0) return undefined;
      if (config.codec !== 'avc' && config.codec !== 'aac') throw unpublishable(path, config.kind, config.codec);
      durations.configure(config);
      return { kind: 'config', config };
    }
    case 'unit': {
      const { unit } = event;
      if (unit.trackId !== 0) return undefined;
      const decodeSeconds = unit.timestampMs / 1_000;
      const offsetSeconds = unit.kind === 'video' ? unit.compositionOffsetMs / 1_000 : 0;
      const timed: TimedUnit = {
        kind: unit.kind,
        decodeSeconds,
        presentationSeconds: decodeSeconds + offsetSeconds,
        durationSeconds: durations.of(unit.kind, decodeSeconds),
        keyframe: unit.kind === 'audio' || unit.keyframe,
        data: unit.data,
      };
      return { kind: 'unit', unit: timed };
    }
    case 'unsupported':
      if (event.trackId === 0) throw unpublishable(path, event.media, event.codec);
      return undefined;
    case 'color-info':
    case 'dropped':
      return undefined;
  }
}

/** FLV does not say how long a frame lasts. AAC frames have a fixed length; for video the one before tells. */
class FrameDurations {
  #audioSeconds = 0;
  #videoSeconds = 0;
  #lastVideoSeconds: number | undefined;

  configure(config: AvcTrackConfig | AacTrackConfig): void {
    if (config.kind === 'audio') this.#audioSeconds = config.samplesPerFrame / config.sampleRate;
    else if (config.framesPerSecond !== undefined) this.#videoSeconds = 1 / config.framesPerSecond;
  }

  of(kind: 'video' | 'audio', decodeSeconds: number): number {
    if (kind === 'audio') return this.#audioSeconds;
    if (this.#lastVideoSeconds !== undefined && decodeSeconds > this.#lastVideoSeconds) {
      this.#videoSeconds = decodeSeconds - this.#lastVideoSeconds;
    }
    this.#lastVideoSeconds = decodeSeconds;
    return this.#videoSeconds;
  }
}
