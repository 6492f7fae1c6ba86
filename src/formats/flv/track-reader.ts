import { ac3TrackConfig } from '../ac3/access-unit.ts';
import { isAc3SyncFrame } from '../ac3/sync-frame.ts';
import { aacTrackConfig } from '../aac/audio-specific-config.ts';
import { av1TrackConfig } from '../av1/codec-configuration.ts';
import { isAv1SyncSample, withoutTemporalDelimiter } from '../av1/sync-sample.ts';
import { avcTrackConfig } from '../avc/decoder-configuration.ts';
import { flacTrackConfig } from '../flac/stream-info.ts';
import { hevcTrackConfig } from '../hevc/decoder-configuration.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import type { ColorInfo } from '../media/color-info.ts';
import {
  type AudioCodec,
  sameTrackConfig,
  type TrackConfig,
  type VideoCodec,
  type VideoTrackConfig,
} from '../media/track.ts';
import { isMp3Frame, mp3TrackConfig } from '../mp3/frame-header.ts';
import { opusTrackConfig } from '../opus/identification-header.ts';
import { parseVpCodecConfiguration, vpxTrackConfig } from '../vp9/codec-configuration.ts';
import { parseAudioTags } from './audio-tag.ts';
import { parseVideoTags } from './video-tag.ts';

/** What a message brought, in its order. */
export type FlvTrackEvent =
  /** Comes before the first access unit of its track. May be the one that is in force. */
  | { readonly kind: 'config'; readonly config: TrackConfig }
  | { readonly kind: 'unit'; readonly unit: AccessUnit }
  /** The colours of a video track from now on, perhaps of one whose configuration is still to come. */
  | { readonly kind: 'color-info'; readonly trackId: number; readonly colorInfo: ColorInfo | undefined }
  /** A codec that we do not carry: its name or FourCC. */
  | { readonly kind: 'unsupported'; readonly media: MediaKind; readonly trackId: number; readonly codec: string }
  /** `unconfigured`: an access unit without the configuration that its decoder needs. */
  | {
      readonly kind: 'dropped';
      readonly media: MediaKind;
      readonly trackId: number;
      readonly reason: 'unconfigured' | 'too-many-tracks';
    };

type MediaKind = TrackConfig['kind'];

interface TrackState<Codec> {
  readonly codec: Codec;
  /** As the sequence header brought it. */
  readonly record: Uint8Array | undefined;
  /** `undefined` until the first keyframe, or frame, has told what the record does not hold. */
  readonly config: TrackConfig | undefined;
}

/**
 * Makes track configurations and access units of the audio and video messages of one publication, or of the tags of one
 * FLV file. Keeps for each track what its sequence header said. The data of access units are views on the payloads.
 */
export class FlvTrackReader {
  readonly #maxTracksOfAKind: number;
  readonly #video = new Map<number, TrackState<VideoCodec>>();
  readonly #audio = new Map<number, TrackState<AudioCodec>>();

  constructor(maxTracksOfAKind = 16) {
    this.#maxTracksOfAKind = maxTracksOfAKind;
  }

  /** Throws `ProtocolError` for what ends early and for configurations that cannot be read. */
  readVideo(payload: Uint8Array, timestampMs: number): FlvTrackEvent[] {
    const events: FlvTrackEvent[] = [];
    for (const tag of parseVideoTags(payload)) {
      switch (tag.kind) {
        case 'sequence-header':
          this.#videoHeader(tag.codec, tag.trackId, tag.description, events);
          break;
        case 'frame':
          if (this.#videoConfigured(tag.codec, tag.trackId, tag.keyframe, tag.data, events)) {
            const { codec, trackId, compositionOffsetMs } = tag;
            const data = codec === 'av1' ? withoutTemporalDelimiter(tag.data) : tag.data;
            const keyframe = tag.keyframe && (codec !== 'av1' || isAv1SyncSample(data));
            events.push({
              kind: 'unit',
              unit: { kind: 'video', trackId, timestampMs, keyframe, compositionOffsetMs, data },
            });
          }
          break;
        case 'color-info':
          events.push({ kind: 'color-info', trackId: tag.trackId, colorInfo: tag.colorInfo });
          break;
        case 'unsupported':
          events.push({ kind: 'unsupported', media: 'video', trackId: tag.trackId, codec: tag.codec });
          break;
        case 'end-of-sequence':
        case 'ignored':
          break;
      }
    }
    return events;
  }

  /** Throws `ProtocolError` for what ends early and for configurations that cannot be read. */
  readAudio(payload: Uint8Array, timestampMs: number): FlvTrackEvent[] {
    const events: FlvTrackEvent[] = [];
    for (const tag of parseAudioTags(payload)) {
      switch (tag.kind) {
        case 'sequence-header':
          this.#audioHeader(tag.codec, tag.trackId, tag.description, events);
          break;
        case 'frame':
          if (this.#audioConfigured(tag.codec, tag.trackId, tag.data, events)) {
            const { trackId, data } = tag;
            events.push({ kind: 'unit', unit: { kind: 'audio', trackId, timestampMs, data } });
          }
          break;
        case 'unsupported':
          events.push({ kind: 'unsupported', media: 'audio', trackId: tag.trackId, codec: tag.codec });
          break;
        case 'end-of-sequence':
        case 'ignored':
          break;
      }
    }
    return events;
  }

  #videoHeader(codec: VideoCodec, trackId: number, record: Uint8Array, events: FlvTrackEvent[]): void {
    if (!this.#hasRoom('video', trackId, events)) return;
    const state = this.#video.get(trackId);
    // Said again, as encoders do now and then: what a keyframe has told meanwhile still holds.
    if (state?.codec === codec && state.record !== undefined && sameBytes(state.record, record)) return;
    const config = videoConfigOf(codec, trackId, record);
    this.#video.set(trackId, { codec, record: record.slice(), config });
    if (config !== undefined) events.push({ kind: 'config', config });
  }

  /** Whether the frame can be decoded; tells the configuration when this frame brought what was missing. */
  #videoConfigured(
    codec: VideoCodec,
    trackId: number,
    keyframe: boolean,
    data: Uint8Array,
    events: FlvTrackEvent[],
  ): boolean {
    const state = this.#video.get(trackId);
    if (state?.codec === codec) {
      const { config, record } = state;
      // A keyframe of VP8 or VP9 may change the size without a word.
      const tellsSize = keyframe && (config === undefined || codec === 'vp8' || codec === 'vp9');
      if (tellsSize && record !== undefined) this.#learn(codec, trackId, record, data, config, events);
      if (this.#video.get(trackId)?.config !== undefined) return true;
    }
    events.push({ kind: 'dropped', media: 'video', trackId, reason: 'unconfigured' });
    return false;
  }

  #learn(
    codec: VideoCodec,
    trackId: number,
    record: Uint8Array,
    keyframe: Uint8Array,
    known: TrackConfig | undefined,
    events: FlvTrackEvent[],
  ): void {
    const config = keyframeConfigOf(codec, trackId, record, keyframe);
    if (config === undefined || (known !== undefined && sameTrackConfig(known, config))) return;
    this.#video.set(trackId, { codec, record, config });
    events.push({ kind: 'config', config });
  }

  #audioHeader(codec: AudioCodec, trackId: number, description: Uint8Array, events: FlvTrackEvent[]): void {
    if (!this.#hasRoom('audio', trackId, events)) return;
    const config = audioConfigOf(codec, trackId, description);
    if (config === undefined) return;
    this.#audio.set(trackId, { codec, record: undefined, config });
    events.push({ kind: 'config', config });
  }

  /** Whether the frame can be decoded; tells the configuration when it stands in the frame and is new. */
  #audioConfigured(codec: AudioCodec, trackId: number, frame: Uint8Array, events: FlvTrackEvent[]): boolean {
    const state = this.#audio.get(trackId);
    const known = state?.codec === codec ? state.config : undefined;
    if (!describesItself(codec)) {
      if (known === undefined) events.push({ kind: 'dropped', media: 'audio', trackId, reason: 'unconfigured' });
      return known !== undefined;
    }
    // A frame that is cut or broken does not end a stream that has begun.
    if (known !== undefined && !(codec === 'mp3' ? isMp3Frame(frame) : isAc3SyncFrame(frame))) return true;
    if (!this.#hasRoom('audio', trackId, events)) return false;
    const config = codec === 'mp3' ? mp3TrackConfig(frame, trackId) : ac3TrackConfig(codec, frame, trackId);
    if (known === undefined || !sameTrackConfig(known, config)) {
      this.#audio.set(trackId, { codec, record: undefined, config });
      events.push({ kind: 'config', config });
    }
    return true;
  }

  #hasRoom(media: MediaKind, trackId: number, events: FlvTrackEvent[]): boolean {
    const tracks = media === 'video' ? this.#video : this.#audio;
    if (tracks.has(trackId) || tracks.size < this.#maxTracksOfAKind) return true;
    events.push({ kind: 'dropped', media, trackId, reason: 'too-many-tracks' });
    return false;
  }
}

/** `undefined` when only the first keyframe tells all that must be known. */
function videoConfigOf(codec: VideoCodec, trackId: number, record: Uint8Array): VideoTrackConfig | undefined {
  switch (codec) {
    case 'avc':
      return avcTrackConfig(record, trackId);
    case 'hevc':
      return hevcTrackConfig(record, trackId);
    case 'av1':
      return av1TrackConfig(record, undefined, trackId);
    case 'vp9':
    case 'vp8':
      // What cannot be read ends the connection now, and not at some later frame.
      parseVpCodecConfiguration(record);
      return undefined;
  }
}

function keyframeConfigOf(
  codec: VideoCodec,
  trackId: number,
  record: Uint8Array,
  keyframe: Uint8Array,
): VideoTrackConfig | undefined {
  if (codec === 'av1') return av1TrackConfig(record, keyframe, trackId);
  return codec === 'vp8' || codec === 'vp9' ? vpxTrackConfig(codec, record, keyframe, trackId) : undefined;
}

function describesItself(codec: AudioCodec): codec is 'ac3' | 'eac3' | 'mp3' {
  return codec === 'ac3' || codec === 'eac3' || codec === 'mp3';
}

/** `undefined` for what brings no configuration: an empty header, or one of a codec that describes itself. */
function audioConfigOf(codec: AudioCodec, trackId: number, description: Uint8Array): TrackConfig | undefined {
  if (codec === 'opus') return opusTrackConfig(description, trackId);
  if (description.length === 0 || describesItself(codec)) return undefined;
  return codec === 'aac' ? aacTrackConfig(description, trackId) : flacTrackConfig(description, trackId);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
