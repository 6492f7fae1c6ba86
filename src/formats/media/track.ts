import { sameVideoColor, type VideoColor } from './video-color.ts';

/** What a decoder must know before the first access unit of a track. */
export type TrackConfig = VideoTrackConfig | AudioTrackConfig;

export type VideoTrackConfig = AvcTrackConfig | HevcTrackConfig | Av1TrackConfig | VpxTrackConfig;

export type AudioTrackConfig = AacTrackConfig | OpusTrackConfig | FlacTrackConfig | Ac3TrackConfig | Mp3TrackConfig;

export type VideoCodec = VideoTrackConfig['codec'];
export type AudioCodec = AudioTrackConfig['codec'];

interface TrackConfigBase {
  /** Among the tracks of its kind, 0 to 255. 0 is the default track: what a player shows that asks for nothing else. */
  readonly trackId: number;
  /** RFC 6381, such as `avc1.64001f`, `hvc1.1.6.L93.B0`, `mp4a.40.2`. */
  readonly codecString: string;
}

interface VideoTrackConfigBase extends TrackConfigBase {
  readonly kind: 'video';
  /** The decoder configuration record as Enhanced RTMP and MP4 carry it. */
  readonly description: Uint8Array;
  /** Pixels, after cropping. Where the record does not hold them they are those of the first keyframe. */
  readonly width: number;
  readonly height: number;
  /** Width : height of one sample; `{ horizontal: 1, vertical: 1 }` where the stream does not say. */
  readonly pixelAspect: { readonly horizontal: number; readonly vertical: number };
  /** If the stream says that the rate is fixed, and which. */
  readonly framesPerSecond: number | undefined;
  /** As the bitstream says it, or the publisher beside it. */
  readonly color: VideoColor;
}

/** `description`: the AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1), the body of an `avcC` box. */
export interface AvcTrackConfig extends VideoTrackConfigBase {
  readonly codec: 'avc';
}

/** `description`: the HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1), the body of an `hvcC` box. */
export interface HevcTrackConfig extends VideoTrackConfigBase {
  readonly codec: 'hevc';
}

/** `description`: the AV1CodecConfigurationRecord with a sequence header (AV1-ISOBMFF §2.3.3), the body of an `av1C` box. */
export interface Av1TrackConfig extends VideoTrackConfigBase {
  readonly codec: 'av1';
}

/** `description`: the VPCodecConfigurationRecord, the body of a `vpcC` box without its version and flags. */
export interface VpxTrackConfig extends VideoTrackConfigBase {
  readonly codec: 'vp9' | 'vp8';
}

interface AudioTrackConfigBase extends TrackConfigBase {
  readonly kind: 'audio';
  /** Of the decoder's output, in Hz. */
  readonly sampleRate: number;
  readonly channels: number;
}

export interface AacTrackConfig extends AudioTrackConfigBase {
  readonly codec: 'aac';
  /** The AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1). */
  readonly description: Uint8Array;
  /** Output samples in one access unit: 1,024, or 960, or twice that with SBR (`sampleRate` is the SBR rate then). */
  readonly samplesPerFrame: number;
}

export interface OpusTrackConfig extends AudioTrackConfigBase {
  readonly codec: 'opus';
  /** The identification header, `OpusHead` and what follows (RFC 7845 §5.1). */
  readonly description: Uint8Array;
  /** Each packet says it for itself. */
  readonly samplesPerFrame: undefined;
}

export interface FlacTrackConfig extends AudioTrackConfigBase {
  readonly codec: 'flac';
  /** `fLaC` and the metadata blocks, STREAMINFO first (RFC 9639 §6 and §8). */
  readonly description: Uint8Array;
  /** `undefined` where the block size varies. */
  readonly samplesPerFrame: number | undefined;
}

/** Has no record of its own: what is here stands in the header of the first frame. */
export interface Ac3TrackConfig extends AudioTrackConfigBase {
  readonly codec: 'ac3' | 'eac3';
  readonly description: undefined;
  readonly samplesPerFrame: number;
  /** The body of a `dac3` or `dec3` box (ETSI TS 102 366 annex F), which MP4 wants and a stream does not have. */
  readonly specificBox: Uint8Array;
}

/** Has no record of its own: what is here stands in the header of the first frame. */
export interface Mp3TrackConfig extends AudioTrackConfigBase {
  readonly codec: 'mp3';
  readonly description: undefined;
  readonly samplesPerFrame: number;
}

/** Track ids are one byte on the wire. */
const audioTracksFrom = 256;

/** One number for each track of a stream, in the order in which tracks are told: video first, then by id. */
export function trackNumber({ kind, trackId }: Pick<TrackConfig, 'kind' | 'trackId'>): number {
  return kind === 'video' ? trackId : audioTracksFrom + trackId;
}

/** Whether this is the number of a track of pictures. */
export function isPictureNumber(number: number): boolean {
  return number < audioTracksFrom;
}

/** Whether a decoder that was set up with `a` can go on with access units of `b`, which shows the same picture size and colours. */
export function sameTrackConfig(a: TrackConfig, b: TrackConfig): boolean {
  return (
    a.codec === b.codec &&
    a.trackId === b.trackId &&
    a.codecString === b.codecString &&
    sameBytes(a.description, b.description) &&
    sameFormat(a, b)
  );
}

function sameFormat(a: TrackConfig, b: TrackConfig): boolean {
  if (a.kind === 'video') {
    return b.kind === 'video' && a.width === b.width && a.height === b.height && sameVideoColor(a.color, b.color);
  }
  return b.kind === 'audio' && a.sampleRate === b.sampleRate && a.channels === b.channels;
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
