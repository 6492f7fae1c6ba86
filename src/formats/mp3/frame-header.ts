import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import type { Mp3TrackConfig } from '../media/track.ts';

/** What the header of a layer III frame says (ISO/IEC 11172-3 §2.4.1.3, ISO/IEC 13818-3 §2.4.2.3). */
export interface Mp3FrameHeader {
  readonly sampleRate: number;
  readonly channels: number;
  readonly samplesPerFrame: number;
}

/** MPEG-1. MPEG-2 has half of it, and MPEG-2.5, which no standard knows, a quarter. */
const sampleRates = [44_100, 48_000, 32_000] as const;
const versionId = { mpeg25: 0, reserved: 1, mpeg2: 2, mpeg1: 3 } as const;
const layerIii = 1;
const singleChannel = 3;

/** Whether a frame begins here: eleven ones. */
export function isMp3Frame(data: Uint8Array): boolean {
  return data[0] === 0xff && ((data[1] ?? 0) & 0xe0) === 0xe0;
}

/** Throws `ProtocolError` for another layer, for reserved values and for what ends early. */
export function parseMp3FrameHeader(data: Uint8Array): Mp3FrameHeader {
  const header = new ByteReader(data, 'MP3 frame header').uint32();
  if (!isMp3Frame(data)) throw frameError('no syncword');
  const version = (header >>> 19) & 3;
  const layer = (header >>> 17) & 3;
  const sampleRate = sampleRates[(header >>> 10) & 3];
  if (layer !== layerIii || version === versionId.reserved || sampleRate === undefined) {
    throw frameError(`version ${version}, layer ${layer}, sample rate ${(header >>> 10) & 3}`);
  }
  const shift = version === versionId.mpeg1 ? 0 : version === versionId.mpeg2 ? 1 : 2;
  return {
    sampleRate: sampleRate >> shift,
    channels: ((header >>> 6) & 3) === singleChannel ? 1 : 2,
    samplesPerFrame: version === versionId.mpeg1 ? 1_152 : 576,
  };
}

/** The track of an MP3 stream that begins with this frame. Throws as `parseMp3FrameHeader`. */
export function mp3TrackConfig(frame: Uint8Array, trackId = 0): Mp3TrackConfig {
  return {
    kind: 'audio',
    codec: 'mp3',
    trackId,
    // Layer III among the audio object types of MPEG-4 (ISO/IEC 14496-3 table 1.17).
    codecString: 'mp4a.40.34',
    description: undefined,
    ...parseMp3FrameHeader(frame),
  };
}

function frameError(sentence: string): ProtocolError {
  return new ProtocolError('MP3_FRAME', `MP3 frame header: ${sentence}`, {
    byteOffset: 0,
    section: 'ISO/IEC 11172-3 §2.4.1.3',
  });
}
