import { audioSampleEntry } from './audio-sample-entry.ts';
import { withCompleteParameterSets } from '../hevc/decoder-configuration.ts';
import { box, fullBox, text, uint16, uint32, zeros } from './box.ts';
import type { CmafTrackConfig, CmafVideoTrackConfig } from './cmaf-track.ts';
import { colorBoxes } from './color-boxes.ts';

/** What stands in `stsd`: one sample entry, named by the codec's fourcc. */
export function sampleEntry(config: CmafTrackConfig): Uint8Array {
  return config.kind === 'video' ? videoSampleEntry(config) : audioSampleEntry(config);
}

function videoSampleEntry(config: CmafVideoTrackConfig): Uint8Array {
  const { description } = config;
  switch (config.codec) {
    case 'avc': // ISO/IEC 14496-15 §5.4.2.1
      return visualSampleEntry('avc1', config, box('avcC', description));
    case 'hevc': // ISO/IEC 14496-15 §8.4.1; `hev1`, with parameter sets among the samples, is what Apple's players refuse
      return visualSampleEntry('hvc1', config, box('hvcC', withCompleteParameterSets(description)));
    case 'av1': // AV1-ISOBMFF §2.2
      return visualSampleEntry('av01', config, box('av1C', description));
    case 'vp9': // VP Codec ISO Media File Format Binding
      return visualSampleEntry('vp09', config, fullBox('vpcC', 1, 0, description));
  }
}

/** ISO/IEC 14496-12 §12.1.3. */
function visualSampleEntry(fourcc: string, config: CmafVideoTrackConfig, configuration: Uint8Array): Uint8Array {
  return box(
    fourcc,
    zeros(6),
    uint16(1), // data_reference_index
    zeros(16),
    uint16(config.width, config.height),
    uint32(0x0048_0000, 0x0048_0000), // 72 dpi
    zeros(4),
    uint16(1), // frame_count
    zeros(32), // compressorname
    uint16(0x0018, 0xffff), // depth, pre_defined
    configuration,
    ...colorBoxes(config.color),
    ...pasp(config),
  );
}

/** Only where samples are not square (ISO/IEC 14496-12 §12.1.4). */
function pasp({ pixelAspect }: CmafVideoTrackConfig): Uint8Array[] {
  const { horizontal, vertical } = pixelAspect;
  return horizontal === vertical ? [] : [box('pasp', uint32(horizontal, vertical))];
}

/** The media handler of the track: `vide` or `soun`, with its human-readable name. */
export function handlerOf({ kind }: CmafTrackConfig): Uint8Array {
  const [handlerType, name] = kind === 'video' ? ['vide', 'VideoHandler'] : ['soun', 'SoundHandler'];
  return fullBox('hdlr', 0, 0, uint32(0), text(handlerType), zeros(12), text(name), zeros(1));
}
