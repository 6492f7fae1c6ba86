import { ByteReader } from '../../base/byte-reader.ts';
import { aacTrackConfig } from '../aac/audio-specific-config.ts';
import { ac3TrackConfig } from '../ac3/access-unit.ts';
import { flacTrackConfig } from '../flac/stream-info.ts';
import type { AudioTrackConfig } from '../media/track.ts';
import { mp3TrackConfig } from '../mp3/frame-header.ts';
import { opusTrackConfig } from '../opus/identification-header.ts';
import { type Box, boxError, childBox } from './box.ts';
import { parseElementaryStreamDescriptor } from './elementary-stream-descriptor.ts';
import type { SampleDescription } from './sample-description.ts';

/** Object type indications (ISO/IEC 14496-1 table 5, and those that the registration authority has given). */
const mpeg4Audio = 0x40;
const mpeg2Aac = [0x66, 0x67, 0x68];
const mpegAudio = [0x69, 0x6b];
const ac3Audio = 0xa5;
const eac3Audio = 0xa6;
/** Layer III among the audio object types of MPEG-4 (ISO/IEC 14496-3 table 1.17), in the upper bits of its configuration. */
const layerIiiObjectType = 34;
const escapeObjectType = 31;

/** Of a sample entry: reserved bytes, data_reference_index, and the fields of version 0 (ISO/IEC 14496-12 §12.2.3). */
const soundFieldBytes = 28;
/** What the versions 1 and 2 of QuickTime add ("Sound Sample Description"). */
const quickTimeFieldBytes = [0, 16, 36];

/**
 * What a sound sample entry says. `isQuickTime`: its version is one of QuickTime, not of ISO's `stsd` of version 1.
 * `undefined` for a codec that we do not carry. Throws `ProtocolError` for what cannot be read.
 */
export function audioSampleDescription(entry: Box, isQuickTime: boolean): SampleDescription | undefined {
  if (entry.body.length < soundFieldBytes) throw boxError(entry, `ends after ${entry.body.length} bytes`);
  const version = ((entry.body[8] ?? 0) << 8) | (entry.body[9] ?? 0);
  const fieldBytes = soundFieldBytes + (isQuickTime ? (quickTimeFieldBytes[version] ?? 0) : 0);
  switch (entry.type) {
    case 'mp4a': {
      const esds = soundBox(entry, 'esds', fieldBytes);
      return esds && mpeg4Description(esds);
    }
    case '.mp3':
    case 'mp3 ':
    case 'ms\0U':
      return fromSample('mp3', mp3TrackConfig);
    case 'Opus': {
      const header = opusHeader(requiredSoundBox(entry, 'dOps', fieldBytes));
      return described('opus', (trackId) => opusTrackConfig(header, trackId));
    }
    case 'fLaC': {
      const blocks = requiredSoundBox(entry, 'dfLa', fieldBytes).body.subarray(4);
      const header = Uint8Array.of(...new TextEncoder().encode('fLaC'), ...blocks);
      return described('flac', (trackId) => flacTrackConfig(header, trackId));
    }
    case 'ac-3':
      return ac3Description('ac3', soundBox(entry, 'dac3', fieldBytes));
    case 'ec-3':
      return ac3Description('eac3', soundBox(entry, 'dec3', fieldBytes));
    default:
      return undefined;
  }
}

/** QuickTime puts them into a box `wave` ("siDecompressionParam"). */
function soundBox(entry: Box, type: string, fieldBytes: number): Box | undefined {
  const wave = childBox(entry, 'wave', fieldBytes);
  return childBox(entry, type, fieldBytes) ?? (wave && childBox(wave, type));
}

function requiredSoundBox(entry: Box, type: string, fieldBytes: number): Box {
  const box = soundBox(entry, type, fieldBytes);
  if (box === undefined) throw boxError(entry, `holds no ${type}`);
  return box;
}

function mpeg4Description(esds: Box): SampleDescription | undefined {
  const decoder = parseElementaryStreamDescriptor(esds.body);
  if (decoder === undefined) throw boxError(esds, 'holds no description of a decoder');
  const { objectType, decoderSpecificInfo } = decoder;
  if (mpegAudio.includes(objectType)) return fromSample('mp3', mp3TrackConfig);
  if (objectType === ac3Audio) return ac3Description('ac3', undefined);
  if (objectType === eac3Audio) return ac3Description('eac3', undefined);
  if (objectType !== mpeg4Audio && !mpeg2Aac.includes(objectType)) return undefined;
  if (decoderSpecificInfo === undefined) throw boxError(esds, 'holds no AudioSpecificConfig');
  if (audioObjectType(decoderSpecificInfo) === layerIiiObjectType) return fromSample('mp3', mp3TrackConfig);
  return described('aac', (trackId) => aacTrackConfig(decoderSpecificInfo, trackId));
}

/** ISO/IEC 14496-3 §1.6.2.1. */
function audioObjectType([first = 0, second = 0]: Uint8Array): number {
  const type = first >> 3;
  return type === escapeObjectType ? 32 + (((first & 7) << 3) | (second >> 5)) : type;
}

/** The other way round of what stands in `dOps` (Encapsulation of Opus in ISO Base Media File Format §4.3.2). */
function opusHeader(dops: Box): Uint8Array {
  const reader = new ByteReader(dops.body, dops.path);
  const version = reader.uint8();
  if (version !== 0) throw boxError(dops, `has version ${version}`);
  const channels = reader.uint8();
  const preSkip = reader.uint16();
  const rate = reader.uint32();
  const gain = reader.uint16();
  return Uint8Array.of(
    ...new TextEncoder().encode('OpusHead'),
    1,
    channels,
    ...little(preSkip, 2),
    ...little(rate, 4),
    ...little(gain, 2),
    ...reader.rest(),
  );
}

function little(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, place) => (value >>> (place * 8)) & 0xff);
}

/** What the box says and the frames do not, such as the kind of service, is kept. */
function ac3Description(codec: 'ac3' | 'eac3', specific: Box | undefined): SampleDescription {
  return fromSample(codec, (sample, trackId) => {
    const config = ac3TrackConfig(codec, sample, trackId);
    return specific === undefined ? config : { ...config, specificBox: specific.body.slice() };
  });
}

function described(
  codec: AudioTrackConfig['codec'],
  configure: (trackId: number) => AudioTrackConfig,
): SampleDescription {
  return { kind: 'audio', codec, inBand: false, configure };
}

function fromSample(
  codec: AudioTrackConfig['codec'],
  configure: (sample: Uint8Array, trackId: number) => AudioTrackConfig,
): SampleDescription {
  return {
    kind: 'audio',
    codec,
    inBand: false,
    configure: (trackId, sample) => sample && configure(sample, trackId),
  };
}
