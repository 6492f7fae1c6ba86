import { setPieces, totalLength } from '../../base/byte-pieces.ts';
import { ByteReader } from '../../base/byte-reader.ts';
import { flacStreamInfoBlock, parseFlacStreamInfo } from '../flac/stream-info.ts';
import type { AudioTrackConfig, FlacTrackConfig, Mp3TrackConfig, OpusTrackConfig } from '../media/track.ts';
import { box, fullBox, uint16, uint32, uint8, zeros } from './box.ts';

export function audioSampleEntry(config: AudioTrackConfig): Uint8Array {
  switch (config.codec) {
    case 'aac': // ISO/IEC 14496-14 §6.7.2
      return soundSampleEntry('mp4a', config, esds(mpeg4Audio, config.description));
    case 'mp3':
      return soundSampleEntry('mp4a', config, esds(mp3ObjectType(config), undefined));
    case 'opus':
      return soundSampleEntry('Opus', config, dops(config));
    case 'flac':
      return flac(config);
    case 'ac3': // ETSI TS 102 366 §F.3
      return soundSampleEntry('ac-3', config, box('dac3', config.specificBox));
    case 'eac3': // ETSI TS 102 366 §F.5
      return soundSampleEntry('ec-3', config, box('dec3', config.specificBox));
  }
}

/** ISO/IEC 14496-12 §12.2.3. */
function soundSampleEntry(
  fourcc: string,
  { channels, sampleRate }: AudioTrackConfig,
  configuration: Uint8Array,
  bitsPerSample = 16,
): Uint8Array {
  return box(
    fourcc,
    zeros(6),
    uint16(1), // data_reference_index
    zeros(8),
    uint16(channels, bitsPerSample, 0, 0), // channelcount, samplesize, pre_defined, reserved
    // 16.16; a rate that does not fit is left to the codec's own box.
    uint32(sampleRate < 65_536 ? sampleRate * 65_536 : 0),
    configuration,
  );
}

/** Object type indications (ISO/IEC 14496-1 table 5). */
const mpeg4Audio = 0x40;
const mpeg1Audio = 0x6b;
const mpeg2Audio = 0x69;
/** MPEG-1 begins here; lower rates are those of MPEG-2, and of MPEG-2.5, for which there is no indication. */
const leastMpeg1Rate = 32_000;

function mp3ObjectType({ sampleRate }: Mp3TrackConfig): number {
  return sampleRate >= leastMpeg1Rate ? mpeg1Audio : mpeg2Audio;
}

/** The ES_Descriptor (ISO/IEC 14496-14 §6.7.2, ISO/IEC 14496-1 §7.2.6). */
export function esds(objectType: number, decoderSpecificInfo: Uint8Array | undefined): Uint8Array {
  const decoderConfig = descriptor(
    0x04,
    uint8(objectType, 0x15), // audio stream, not upstream
    zeros(3), // bufferSizeDB
    zeros(8), // maxBitrate, avgBitrate: not known
    ...(decoderSpecificInfo === undefined ? [] : [descriptor(0x05, decoderSpecificInfo)]),
  );
  const syncLayerConfig = descriptor(0x06, uint8(0x02)); // as ISO/IEC 14496-14 wants it
  return fullBox('esds', 0, 0, descriptor(0x03, uint16(0), uint8(0), decoderConfig, syncLayerConfig));
}

/** Tag, length as four bytes of seven bits each, body (ISO/IEC 14496-1 §8.3.3). */
function descriptor(tag: number, ...body: readonly Uint8Array[]): Uint8Array {
  const length = totalLength(body);
  const bytes = new Uint8Array(5 + length);
  bytes[0] = tag;
  bytes[1] = ((length >> 21) & 0x7f) | 0x80;
  bytes[2] = ((length >> 14) & 0x7f) | 0x80;
  bytes[3] = ((length >> 7) & 0x7f) | 0x80;
  bytes[4] = length & 0x7f;
  setPieces(bytes, 5, body);
  return bytes;
}

/**
 * Encapsulation of Opus in ISO Base Media File Format §4.3.2: the identification header with its numbers the other way
 * round, and without its magic. The pre-skip stands as the publisher sent it, and without an edit list, as with B-frames
 * (`initSegment`): a player that joins in the middle has nothing to skip.
 */
function dops({ description }: OpusTrackConfig): Uint8Array {
  const reader = new ByteReader(description, 'Opus identification header');
  reader.skip(9); // magic, version
  const channels = reader.uint8();
  const little16 = () => reader.uint8() | (reader.uint8() << 8);
  const preSkip = little16();
  const inputSampleRate = little16() + little16() * 65_536;
  const outputGain = little16();
  return box(
    'dOps',
    uint8(0, channels), // version, OutputChannelCount
    uint16(preSkip),
    uint32(inputSampleRate),
    uint16(outputGain),
    // The mapping family, and of others than 0 the stream counts and the mapping.
    description.subarray(reader.offset, description[reader.offset] === 0 ? reader.offset + 1 : undefined),
  );
}

/** Encapsulation of FLAC in ISO Base Media File Format §3.3.1 and §3.3.2: the metadata blocks, without `fLaC` before them. */
function flac(config: FlacTrackConfig): Uint8Array {
  const { bitsPerSample } = parseFlacStreamInfo(flacStreamInfoBlock(config.description));
  return soundSampleEntry('fLaC', config, fullBox('dfLa', 0, 0, config.description.subarray(4)), bitsPerSample);
}
