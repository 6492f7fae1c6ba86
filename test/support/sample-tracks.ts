import { type FlvTrackEvent, FlvTrackReader } from '../../src/formats/flv/track-reader.ts';
import type {
  AudioCodec,
  AudioTrackConfig,
  TrackConfig,
  VideoCodec,
  VideoTrackConfig,
} from '../../src/formats/media/track.ts';
import { audioPacket, enhancedPacket, videoPacket } from './enhanced-packets.ts';

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text);

export interface SampleVideo {
  readonly codec: VideoCodec;
  readonly fourCc: string;
  readonly codecString: string;
  readonly width: number;
  readonly height: number;
  /** The body of its SequenceStart. */
  readonly record: Uint8Array;
  readonly keyframe: Uint8Array;
  readonly interFrame: Uint8Array;
}

/** One colour, 64 × 48, as the encoders of ffmpeg write it; AVC 320 × 180, with frames of no content. */
export const sampleVideos: Readonly<Record<VideoCodec, SampleVideo>> = {
  avc: {
    codec: 'avc',
    fourCc: 'avc1',
    codecString: 'avc1.64000c',
    width: 320,
    height: 180,
    record: hex('0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000468ef8fcbfdf8f800'),
    keyframe: hex('0000000465888400'),
    interFrame: hex('00000004419a2400'),
  },
  hevc: {
    codec: 'hevc',
    fourCc: 'hvc1',
    codecString: 'hvc1.1.6.L30.90',
    width: 64,
    height: 48,
    record: hex(
      '0101600000009000000000001ef000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003001e959409a1000100' +
        '2942010101600000030090000003000003001ea0208316595952930bc05a020000030002000003003210a2000100064401c073c089',
    ),
    keyframe: hex('0000000c2801ac760d9ffeef55a5a2de'),
    interFrame: hex('000000090201d0097883b09e5c'),
  },
  av1: {
    codec: 'av1',
    fourCc: 'av01',
    codecString: 'av01.0.00M.08',
    width: 64,
    height: 48,
    record: hex('81000c000a0a00000002aff79b5f2008'),
    keyframe: hex('0a0a00000002aff79b5f2008321610009000082082200000c1b4e5c0c3017897691b8c80'),
    interFrame: hex('321230038080fdf806c0005965962810420095b0'),
  },
  vp9: {
    codec: 'vp9',
    fourCc: 'vp09',
    codecString: 'vp09.00.10.08',
    width: 64,
    height: 48,
    record: hex('000a820202020000'),
    keyframe: hex('824983420003f002f60638241c184a00002040006b43ffffe55dbdb7fd2b24857afbcdd3f2a024721233'),
    interFrame: hex('860040929c48500000037000005470'),
  },
  vp8: {
    codec: 'vp8',
    fourCc: 'vp08',
    codecString: 'vp08.00.10.08',
    width: 64,
    height: 48,
    record: hex('000a820101010000'),
    keyframe: hex('b002009d012a40003000004708858588998488020200068e4fccc79bf15800feffab5080'),
    interFrame: hex('1102000510ac0018001a4ff40c0001d5fff800fef6b900'),
  },
};

export interface SampleAudio {
  readonly codec: AudioCodec;
  readonly fourCc: string;
  readonly codecString: string;
  readonly sampleRate: number;
  readonly channels: number;
  /** The body of its SequenceStart; empty for codecs that have none. */
  readonly record: Uint8Array;
  readonly frame: Uint8Array;
}

/** As the encoders of ffmpeg write it; of long frames the beginning. */
export const sampleAudios: Readonly<Record<AudioCodec, SampleAudio>> = {
  aac: {
    codec: 'aac',
    fourCc: 'mp4a',
    codecString: 'mp4a.40.2',
    sampleRate: 48_000,
    channels: 1,
    record: hex('118856e500'),
    frame: hex('00c8008023800e'),
  },
  opus: {
    codec: 'opus',
    fourCc: 'Opus',
    codecString: 'Opus',
    sampleRate: 48_000,
    channels: 2,
    record: hex('4f707573486561640102380180bb0000000000'),
    frame: hex('fcb4065aa7b5e1fd0bbe007ff9077284d8f4145a8f12ca12'),
  },
  flac: {
    codec: 'flac',
    fourCc: 'fLaC',
    codecString: 'fLaC',
    sampleRate: 48_000,
    channels: 1,
    record: hex('664c614380000022120012000001600004ff0bb800f000005dc01964e7953bdf1b99cddc8a6487e0a0d0'),
    frame: hex('fff85a0800814e000000eb01d602c003a7048a056b0646e6'),
  },
  ac3: {
    codec: 'ac3',
    fourCc: 'ac-3',
    codecString: 'ac-3',
    sampleRate: 48_000,
    channels: 6,
    record: new Uint8Array(0),
    frame: hex('0b77b50b1e40ebf8403eff99ff0841fc3f87f0dd5c3e86fb'),
  },
  eac3: {
    codec: 'eac3',
    fourCc: 'ec-3',
    codecString: 'ec-3',
    sampleRate: 48_000,
    channels: 6,
    record: new Uint8Array(0),
    frame: hex('0b77037f3f87c00020f820000200400004001fcc7e0107e1'),
  },
  mp3: {
    codec: 'mp3',
    fourCc: '.mp3',
    codecString: 'mp4a.40.34',
    sampleRate: 48_000,
    channels: 1,
    record: new Uint8Array(0),
    frame: hex('fffb54c400000970532635a600015994287736d000100edd'),
  },
};

/** The configuration of a sample, as a publisher's tags give it. */
export function videoTrackConfig(codec: VideoCodec, trackId = 0): VideoTrackConfig {
  const { fourCc, record, keyframe } = sampleVideos[codec];
  const [config] = configsOf((reader) => [
    ...reader.readVideo(oneTrack('video', videoPacket.sequenceStart, fourCc, trackId, record), 0),
    ...reader.readVideo(oneTrack('video', videoPacket.codedFramesX, fourCc, trackId, keyframe), 0),
  ]);
  if (config?.kind !== 'video') throw new Error(`no configuration of ${codec}`);
  return config;
}

export function audioTrackConfig(codec: AudioCodec, trackId = 0): AudioTrackConfig {
  const { fourCc, record, frame } = sampleAudios[codec];
  const [config] = configsOf((reader) => [
    ...reader.readAudio(oneTrack('audio', audioPacket.sequenceStart, fourCc, trackId, record), 0),
    ...reader.readAudio(oneTrack('audio', audioPacket.codedFrames, fourCc, trackId, frame), 0),
  ]);
  if (config?.kind !== 'audio') throw new Error(`no configuration of ${codec}`);
  return config;
}

/** One of each codec. */
export function allTrackConfigs(trackId = 0): TrackConfig[] {
  return [
    ...Object.values(sampleVideos).map(({ codec }) => videoTrackConfig(codec, trackId)),
    ...Object.values(sampleAudios).map(({ codec }) => audioTrackConfig(codec, trackId)),
  ];
}

function configsOf(read: (reader: FlvTrackReader) => readonly FlvTrackEvent[]): TrackConfig[] {
  return read(new FlvTrackReader()).flatMap((event) => (event.kind === 'config' ? [event.config] : []));
}

function oneTrack(
  media: 'video' | 'audio',
  packetType: number,
  fourCc: string,
  trackId: number,
  body: Uint8Array,
): Uint8Array {
  return enhancedPacket({ media, packetType, multitrack: 'one-track', tracks: [{ fourCc, trackId, body }] });
}
