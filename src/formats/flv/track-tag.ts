import { encodeFlacHeaderWithoutBlockHeader, flacStreamInfoBlock } from '../flac/stream-info.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import type { ColorInfo } from '../media/color-info.ts';
import type { TrackConfig, VideoTrackConfig } from '../media/track.ts';
import { encodeAudioTag } from './audio-tag.ts';
import type { FlvDialect } from './client-capabilities.ts';
import { audioFourCcs, fourCcNumber, videoFourCcs } from './four-cc.ts';
import { encodeVideoTag } from './video-tag.ts';

const nothing = new Uint8Array(0);

/**
 * The payload of the message, or FLV tag, that sets a decoder up. `undefined` for codecs that need none, since each of
 * their frames says it: AC-3, E-AC-3, MP3.
 */
export function encodeTrackConfigTag(config: TrackConfig, dialect: FlvDialect = 'standard'): Uint8Array | undefined {
  const { trackId } = config;
  if (config.kind === 'video') {
    const { codec, description } = config;
    return encodeVideoTag({ kind: 'sequence-header', codec, trackId, description });
  }
  if (config.description === undefined) return undefined;
  const { codec } = config;
  const description =
    codec === 'flac' && dialect === 'mpegts.js'
      ? encodeFlacHeaderWithoutBlockHeader(flacStreamInfoBlock(config.description))
      : config.description;
  return encodeAudioTag({ kind: 'sequence-header', codec, trackId, description });
}

/**
 * What stands before `unit.data` in the payload of its message or FLV tag: the two can be written one after the other
 * without putting them together. `config` is that of the unit's track.
 */
export function accessUnitTagHeader(config: TrackConfig, unit: AccessUnit): Uint8Array {
  const { trackId } = config;
  if (unit.kind === 'video' && config.kind === 'video') {
    const { keyframe, compositionOffsetMs } = unit;
    return encodeVideoTag({
      kind: 'frame',
      codec: config.codec,
      trackId,
      keyframe,
      compositionOffsetMs,
      data: nothing,
    });
  }
  if (unit.kind === 'audio' && config.kind === 'audio') {
    return encodeAudioTag({ kind: 'frame', codec: config.codec, trackId, data: nothing });
  }
  throw new TypeError(`an access unit of ${unit.kind} with a configuration of ${config.kind}`);
}

/** The payload of the message, or FLV tag, of an access unit. `config` is that of its track. */
export function encodeAccessUnitTag(config: TrackConfig, unit: AccessUnit): Uint8Array {
  const header = accessUnitTagHeader(config, unit);
  const payload = new Uint8Array(header.length + unit.data.length);
  payload.set(header);
  payload.set(unit.data, header.length);
  return payload;
}

/** The payload of the message that tells the colours of a video track, or takes them back. */
export function encodeColorInfoTag(config: VideoTrackConfig, colorInfo: ColorInfo | undefined): Uint8Array {
  const { codec, trackId } = config;
  return encodeVideoTag({ kind: 'color-info', codec, trackId, colorInfo });
}

/** `videocodecid` or `audiocodecid` of `onMetaData`: the number of old, or the FourCC as one. */
export function metadataCodecId(config: TrackConfig): number {
  switch (config.codec) {
    case 'avc':
      return 7;
    case 'aac':
      return 10;
    case 'mp3':
      return 2;
    default:
      return fourCcNumber(config.kind === 'video' ? videoFourCcs[config.codec] : audioFourCcs[config.codec]);
  }
}
