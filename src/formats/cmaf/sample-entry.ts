import type { CmafTrackConfig } from './cmaf-track.ts';
import type { AacTrackConfig, AvcTrackConfig } from '../media/track.ts';
import { box, fullBox, text, uint16, uint32, uint8, zeros } from './box.ts';

/** What stands in `stsd`: one sample entry, named by the codec's fourcc. */
export function sampleEntry(config: CmafTrackConfig): Uint8Array {
  switch (config.codec) {
    case 'avc':
      return avc1(config);
    case 'aac':
      return mp4a(config);
  }
}

/** ISO/IEC 14496-15 §5.4.2.1, ISO/IEC 14496-12 §12.1.3. */
function avc1(config: AvcTrackConfig): Uint8Array {
  return box(
    'avc1',
    zeros(6),
    uint16(1), // data_reference_index
    zeros(16),
    uint16(config.width, config.height),
    uint32(0x0048_0000, 0x0048_0000), // 72 dpi
    zeros(4),
    uint16(1), // frame_count
    zeros(32), // compressorname
    uint16(0x0018, 0xffff), // depth, pre_defined
    box('avcC', config.description),
    ...pasp(config),
  );
}

/** Only where samples are not square (ISO/IEC 14496-12 §12.1.4). */
function pasp({ pixelAspect }: AvcTrackConfig): Uint8Array[] {
  const { horizontal, vertical } = pixelAspect;
  return horizontal === vertical ? [] : [box('pasp', uint32(horizontal, vertical))];
}

/** ISO/IEC 14496-14 §6.7.2, ISO/IEC 14496-12 §12.2.3. */
function mp4a(config: AacTrackConfig): Uint8Array {
  return box(
    'mp4a',
    zeros(6),
    uint16(1), // data_reference_index
    zeros(8),
    uint16(config.channels, 16, 0, 0), // channelcount, samplesize, pre_defined, reserved
    // 16.16; a rate that does not fit is left to the AudioSpecificConfig.
    uint32(config.sampleRate < 65_536 ? config.sampleRate * 65_536 : 0),
    esds(config.description),
  );
}

/** The ES_Descriptor of MPEG-4 audio (ISO/IEC 14496-14 §6.7.2, ISO/IEC 14496-1 §7.2.6). */
export function esds(audioSpecificConfig: Uint8Array): Uint8Array {
  const decoderSpecificInfo = descriptor(0x05, audioSpecificConfig);
  const decoderConfig = descriptor(
    0x04,
    uint8(0x40, 0x15), // MPEG-4 audio; audio stream, not upstream
    zeros(3), // bufferSizeDB
    zeros(8), // maxBitrate, avgBitrate: not known
    decoderSpecificInfo,
  );
  const syncLayerConfig = descriptor(0x06, uint8(0x02)); // as ISO/IEC 14496-14 wants it
  return fullBox('esds', 0, 0, descriptor(0x03, uint16(0), uint8(0), decoderConfig, syncLayerConfig));
}

/** Tag, length as four bytes of seven bits each, body (ISO/IEC 14496-1 §8.3.3). */
function descriptor(tag: number, ...body: readonly Uint8Array[]): Uint8Array {
  const length = body.reduce((sum, field) => sum + field.length, 0);
  const bytes = new Uint8Array(5 + length);
  bytes[0] = tag;
  bytes[1] = ((length >> 21) & 0x7f) | 0x80;
  bytes[2] = ((length >> 14) & 0x7f) | 0x80;
  bytes[3] = ((length >> 7) & 0x7f) | 0x80;
  bytes[4] = length & 0x7f;
  let offset = 5;
  for (const field of body) {
    bytes.set(field, offset);
    offset += field.length;
  }
  return bytes;
}

/** The media handler of the track: `vide` or `soun`, with its human-readable name. */
export function handlerOf(config: CmafTrackConfig): Uint8Array {
  const [handlerType, name] = config.kind === 'video' ? ['vide', 'VideoHandler'] : ['soun', 'SoundHandler'];
  return fullBox('hdlr', 0, 0, uint32(0), text(handlerType), zeros(12), text(name), zeros(1));
}
