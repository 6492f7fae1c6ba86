import { concatenated, type HostileInput, latin1, longMessage, shortMessage } from './hostile-input.ts';

const audio = 8;
const video = 9;

const videoMessage = (...pieces: (Uint8Array | readonly number[])[]) => shortMessage(video, concatenated(...pieces), 1);
const audioMessage = (...pieces: (Uint8Array | readonly number[])[]) => shortMessage(audio, concatenated(...pieces), 1);

/** Enhanced RTMP that is cut, contradicts itself, or holds what no decoder could take; all of it while publishing. */
export const brokenEnhanced: readonly HostileInput[] = (
  [
    ['a FourCC cut short', () => videoMessage([0x90, 0x68, 0x76]), 'TRUNCATED'],
    ['a FourCC that nobody knows', () => videoMessage([0x90], latin1('vvc1'), [1]), 'RTMP_CODEC_UNSUPPORTED'],
    ['a FourCC of control characters', () => audioMessage([0x91, 0, 10, 27, 255]), 'RTMP_CODEC_UNSUPPORTED'],
    ['an HEVC configuration cut short', () => videoMessage([0x90], latin1('hvc1'), [1, 1]), 'TRUNCATED'],
    [
      'an HEVC configuration without parameter sets',
      () => videoMessage([0x90], latin1('hvc1'), [1, ...Array.from<number>({ length: 20 }).fill(0), 3, 0]),
      'HEVC_CONFIGURATION',
    ],
    [
      'an HEVC configuration that announces 65,535 NAL units',
      () =>
        videoMessage(
          [0x90],
          latin1('hvc1'),
          [1, ...Array.from<number>({ length: 20 }).fill(0), 3, 255, 0x21, 0xff, 0xff],
        ),
      'TRUNCATED',
    ],
    ['an AV1 configuration of another version', () => videoMessage([0x90], latin1('av01'), [1, 0, 0, 0]), 'AV1_CONFIGURATION'],
    [
      'an AV1 configuration whose unit has a length without end',
      () => videoMessage([0x90], latin1('av01'), [0x81, 0, 0, 0, 0x0a, ...Array.from<number>({ length: 9 }).fill(0xff)]),
      'AV1_OBU',
    ],
    ['a VP9 configuration with no bit depth', () => videoMessage([0x90], latin1('vp09'), [0, 10, 0, 1, 1, 1, 0, 0]), 'VP_CONFIGURATION'],
    ['an Opus header that is none', () => audioMessage([0x90], latin1('OpusOpusHexd'), [1]), 'OPUS_HEADER'],
    ['a FLAC header cut short', () => audioMessage([0x90], latin1('fLaCfLaC'), [0x80, 0, 0, 34, 1]), 'FLAC_HEADER'],
    ['an AC-3 frame that is none', () => audioMessage([0x91], latin1('ac-3'), [1, 2, 3, 4, 5, 6, 7]), 'AC3_FRAME'],
    ['an MP3 frame of layer II', () => audioMessage([0x2f, 0xff, 0xfd, 0x80, 0]), 'MP3_FRAME'],
    ['an MP3 frame cut short', () => audioMessage([0x2f, 0xff, 0xfb]), 'TRUNCATED'],
    ['a modifier that is longer than the message', () => videoMessage([0x97, 255, 255, 255, 0, 0]), 'TRUNCATED'],
    ['modifiers without end', () => longMessage(video, new Uint8Array(60_000).fill(0x97), 1), 'TRUNCATED'],
    ['a multitrack packet within a multitrack packet', () => videoMessage([0x96, 6], latin1('avc1'), [1]), 'FLV_MULTITRACK'],
    [
      '20,000 tracks in one message',
      () => longMessage(video, concatenated([0x96, 0x11], latin1('av01'), new Uint8Array(80_000)), 1),
      'FLV_MULTITRACK',
    ],
    ['a track that is longer than its message', () => audioMessage([0x95, 0x11], latin1('mp4a'), [1, 255, 255, 255]), 'TRUNCATED'],
    ['colours that are no AMF0', () => videoMessage([0xd4], latin1('hvc1'), [2, 0, 1, 0x61, 0x42]), 'AMF0_MARKER'],
    ['colours nested without end', () => videoMessage([0xd4], latin1('hvc1'), nestedObjects(40)), 'AMF0_TOO_DEEP'],
    ['colours before anything else', () => videoMessage([0xd4], latin1('hvc1'), [2, 0, 1, 0x61, 5]), 'survives'],
    ['a command frame', () => videoMessage([0xd0, 0]), 'survives'],
  ] as const
).map(([name, bytes, ends]): HostileInput => ({ name, stage: 'publishing', bytes, ends }));

/** `{ "": { "": …` */
function nestedObjects(depth: number): readonly number[] {
  return [2, 0, 0, ...Array.from({ length: depth }, () => [3, 0, 0]).flat()];
}
