import { av1TrackConfig } from '../av1/codec-configuration.ts';
import { avcTrackConfig } from '../avc/decoder-configuration.ts';
import { hevcTrackConfig } from '../hevc/decoder-configuration.ts';
import type { VideoTrackConfig } from '../media/track.ts';
import { type ContentLight, type MasteringDisplay, unspecified } from '../media/video-color.ts';
import { parseVpCodecConfiguration, vpxTrackConfig } from '../vp9/codec-configuration.ts';
import { type Box, boxError, childBox, requiredChild } from './box.ts';
import { avcConfigOfSample, hevcConfigOfSample } from './in-band-configuration.ts';
import type { SampleDescription } from './sample-description.ts';

/** Of a sample entry: reserved bytes, data_reference_index, and the fields up to pre_defined (ISO/IEC 14496-12 §12.1.3). */
const visualFieldBytes = 78;

/** `undefined` for a codec that we do not carry. Throws `ProtocolError` for what cannot be read. */
export function videoSampleDescription(entry: Box): SampleDescription | undefined {
  const record = (type: string) => visualBox(entry, type).body;
  const described = (
    codec: SampleDescription['codec'],
    configure: (trackId: number, sample: Uint8Array | undefined) => VideoTrackConfig | undefined,
    inBand = false,
  ): SampleDescription => ({
    kind: 'video',
    codec,
    inBand,
    configure: (trackId, sample) => withEntryBoxes(entry, configure(trackId, sample)),
  });
  switch (entry.type) {
    case 'avc1':
    case 'dva1': {
      const avcC = record('avcC');
      return described('avc', (trackId) => avcTrackConfig(avcC, trackId));
    }
    case 'avc3':
    case 'dvav': {
      const avcC = record('avcC');
      return described('avc', (trackId, sample) => avcConfigOfSample(avcC, sample, trackId), true);
    }
    case 'hvc1':
    case 'dvh1': {
      const hvcC = record('hvcC');
      return described('hevc', (trackId) => hevcTrackConfig(hvcC, trackId));
    }
    case 'hev1':
    case 'dvhe': {
      const hvcC = record('hvcC');
      return described('hevc', (trackId, sample) => hevcConfigOfSample(hvcC, sample, trackId), true);
    }
    case 'av01': {
      const av1C = record('av1C');
      return described('av1', (trackId, sample) => av1TrackConfig(av1C, sample, trackId));
    }
    case 'vp08':
    case 'vp09': {
      const vpcC = record('vpcC');
      const codec = entry.type === 'vp09' ? 'vp9' : 'vp8';
      parseVpCodecConfiguration(vpcC);
      return described(codec, (trackId, sample) => sample && vpxTrackConfig(codec, vpcC, sample, trackId), true);
    }
    default:
      return undefined;
  }
}

function visualBox(entry: Box, type: string): Box {
  if (entry.body.length < visualFieldBytes) throw boxError(entry, `ends after ${entry.body.length} bytes`);
  const box = childBox(entry, type, visualFieldBytes);
  return box ?? requiredChild(entry, type);
}

/** What the bitstream leaves open and the boxes beside its record say. */
function withEntryBoxes(entry: Box, config: VideoTrackConfig | undefined): VideoTrackConfig | undefined {
  if (config === undefined) return undefined;
  const { color, pixelAspect } = config;
  const found = (type: string) => childBox(entry, type, visualFieldBytes)?.body;
  const isSquare = pixelAspect.horizontal === pixelAspect.vertical;
  const isColored = [color.primaries, color.transfer, color.matrix].some((value) => value !== unspecified);
  return {
    ...config,
    pixelAspect: (isSquare ? parsePasp(found('pasp')) : undefined) ?? pixelAspect,
    color: {
      ...color,
      ...(isColored ? undefined : parseColr(found('colr'))),
      masteringDisplay: color.masteringDisplay ?? parseMdcv(found('mdcv')),
      contentLight: color.contentLight ?? parseClli(found('clli')),
    },
  };
}

/** ISO/IEC 14496-12 §12.1.4. */
function parsePasp(body: Uint8Array | undefined): { horizontal: number; vertical: number } | undefined {
  if (body === undefined || body.length < 8) return undefined;
  const view = viewOf(body);
  const [horizontal, vertical] = [view.getUint32(0), view.getUint32(4)];
  return horizontal > 0 && vertical > 0 ? { horizontal, vertical } : undefined;
}

/** ISO/IEC 14496-12 §12.1.5; `nclc` is that of QuickTime, without the range. */
function parseColr(body: Uint8Array | undefined) {
  if (body === undefined || body.length < 10) return undefined;
  const kind = String.fromCharCode(...body.subarray(0, 4));
  if (kind !== 'nclx' && kind !== 'nclc') return undefined;
  const view = viewOf(body);
  return {
    primaries: view.getUint16(4),
    transfer: view.getUint16(6),
    matrix: view.getUint16(8),
    fullRange: kind === 'nclx' && (body[10] ?? 0) >= 0x80,
  };
}

/** ISO/IEC 14496-12 §12.1.7: green, blue, red, in units of SMPTE ST 2086. */
function parseMdcv(body: Uint8Array | undefined): MasteringDisplay | undefined {
  if (body === undefined || body.length < 24) return undefined;
  const view = viewOf(body);
  const chromaticity = (place: number) => view.getUint16(place * 2) / 50_000;
  return {
    greenX: chromaticity(0),
    greenY: chromaticity(1),
    blueX: chromaticity(2),
    blueY: chromaticity(3),
    redX: chromaticity(4),
    redY: chromaticity(5),
    whitePointX: chromaticity(6),
    whitePointY: chromaticity(7),
    maxLuminance: view.getUint32(16) / 10_000,
    minLuminance: view.getUint32(20) / 10_000,
  };
}

/** ISO/IEC 14496-12 §12.1.6. */
function parseClli(body: Uint8Array | undefined): ContentLight | undefined {
  if (body === undefined || body.length < 4) return undefined;
  const view = viewOf(body);
  return { maxCll: view.getUint16(0), maxFall: view.getUint16(2) };
}

function viewOf(body: Uint8Array): DataView {
  return new DataView(body.buffer, body.byteOffset, body.byteLength);
}
