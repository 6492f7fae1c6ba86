import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeVideoTag } from '../../src/formats/flv/video-tag.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import {
  type EncodableAudio,
  type EncodableVideo,
  encodedAudio,
  encodedVideo,
  type EnhancedMedia,
  type SentMessage,
  sentTogether,
} from '../support/enhanced-media.ts';
import { decodeOnly, run } from '../support/ffmpeg.ts';
import { hdr10Display } from '../support/hdr10-display.ts';
import {
  downloadRuns,
  type ReadSample,
  samplesOfFfprobe,
  samplesOfIsoBoxes,
  samplesOfMediabunny,
  sha256,
} from '../support/packaged-media.ts';
import { PublishingOrigin } from './publishing-origin.ts';

let origin: PublishingOrigin;
beforeAll(async () => {
  origin = await PublishingOrigin.start();
});
afterAll(() => origin[Symbol.asyncDispose]());

/** What every reader must have found: the bytes that were sent, in order, each at its time. */
function expected({ kind, track, messages }: EnhancedMedia, first: ReadSample | undefined, timescale: number) {
  const frames = messages.slice(messages.length - track.packets.length);
  const startMs = frames[0]?.timestampMs ?? 0;
  return track.packets.map(({ data, keyframe }, index) => ({
    seconds: ((frames[index]?.timestampMs ?? 0) - startMs) / 1_000 + (first?.dtsTicks ?? 0) / timescale,
    keyframe: kind === 'audio' || keyframe,
    sha256: sha256(data),
  }));
}

async function expectAgreement(media: EnhancedMedia, url: string) {
  const [file, ...more] = await downloadRuns(url);
  if (file === undefined) throw new Error('nothing was packaged');
  expect(more).toEqual([]);
  const { timescale, samples } = samplesOfIsoBoxes(file);
  const mediabunny = await samplesOfMediabunny(file, timescale);
  const ffprobe = await samplesOfFfprobe(file);

  expect(ffprobe.samples).toEqual(samples);
  expect(mediabunny.samples).toEqual(samples.map((sample) => ({ ...sample, dtsTicks: undefined })));

  const wanted = expected(media, samples[0], timescale);
  expect(samples.map((sample) => sample.sha256)).toEqual(wanted.map((sample) => sample.sha256));
  expect(samples.map(({ keyframe }) => keyframe)).toEqual(wanted.map(({ keyframe }) => keyframe));
  for (const [index, { dtsTicks = 0 }] of samples.entries()) {
    const error = Math.abs(dtsTicks / timescale - (wanted[index]?.seconds ?? 0));
    // Pictures stand exactly where they were put; sound is counted, and FLV rounds to milliseconds.
    expect(error).toBeLessThan(media.kind === 'video' ? 1e-9 : 0.002);
  }
  return { mediabunny, ffprobe };
}

const cases: readonly {
  readonly video: EncodableVideo;
  readonly audio: EncodableAudio;
  readonly codecs: RegExp;
  readonly probed: readonly [video: string, audio: string];
}[] = [
  { video: 'avc', audio: 'aac', codecs: /^avc1\.4d400b,mp4a\.40\.2$/, probed: ['h264', 'aac'] },
  { video: 'hevc', audio: 'ac3', codecs: /^hvc1\.1\.6\.L\d+\.90,ac-3$/, probed: ['hevc', 'ac3'] },
  { video: 'hevc', audio: 'eac3', codecs: /^hvc1\.1\.6\.L\d+\.90,ec-3$/, probed: ['hevc', 'eac3'] },
  { video: 'av1', audio: 'opus', codecs: /^av01\.0\.00M\.08,Opus$/, probed: ['av1', 'opus'] },
  { video: 'vp9', audio: 'opus', codecs: /^vp09\.00\.1\d\.08,Opus$/, probed: ['vp9', 'opus'] },
  { video: 'avc', audio: 'flac', codecs: /^avc1\.4d400b,fLaC$/, probed: ['h264', 'flac'] },
  { video: 'avc', audio: 'mp3', codecs: /^avc1\.4d400b,mp4a\.40\.34$/, probed: ['h264', 'mp3'] },
];

describe('a stream published over Enhanced RTMP', () => {
  it.each(cases)('is read alike by three demuxers, sample by sample: $video with $audio', async (tried) => {
    const [video, audio] = await Promise.all([
      encodedVideo(tried.video, 'testsrc2=s=160x120:r=25:d=6'),
      encodedAudio(tried.audio, 'sine=r=48000:d=6'),
    ]);
    const url = await origin.published(`${tried.video}-${tried.audio}`, sentTogether(video, audio));
    const index = await (await fetch(`${url}/index.m3u8`)).text();
    const codecs = /CODECS="([^"]+)"/.exec(index)?.[1] ?? '';
    expect(codecs).toMatch(tried.codecs);

    const pictures = await expectAgreement(video, `${url}/video.m3u8`);
    const sound = await expectAgreement(audio, `${url}/audio.m3u8`);
    expect([pictures.ffprobe.stream['codec_name'], sound.ffprobe.stream['codec_name']]).toEqual(tried.probed);
    expect(pictures.ffprobe.stream).toMatchObject({ width: 160, height: 120 });
    expect(sound.ffprobe.stream).toMatchObject({
      sample_rate: audio.track.probed.sample_rate,
      channels: audio.track.probed.channels,
    });
    const [videoCodec, audioCodec] = codecs.split(',');
    // mediabunny names HEVC after the entry that may hold parameter sets in its samples, whatever the entry is.
    expect(pictures.mediabunny.codecString?.replace('hev1', 'hvc1').startsWith(videoCodec ?? 'none')).toBe(true);
    expect(sound.mediabunny.codecString?.toLowerCase()).toBe(
      audioCodec === 'mp4a.40.34' ? 'mp3' : audioCodec?.toLowerCase(),
    );

    const decoded = await run('ffmpeg', ['-nostdin', '-v', 'warning', '-i', `${url}/index.m3u8`, ...decodeOnly]);
    expect(decoded.code).toBe(0);
    expect(decoded.standardError).not.toMatch(/error|corrupt|invalid|missing|could not/i);
  });
});

describe('a stream of HEVC with open groups of pictures', () => {
  it('begins without the pictures that refer to what nobody has, and keeps all others', async () => {
    const whole = await encodedVideo('hevc', 'testsrc2=s=160x120:r=25:d=6', {
      extra: '-x265-params log-level=none:keyint=24:scenecut=0:b-adapt=0:bframes=2:open-gop=1',
    });
    const [header, ...frames] = whole.messages;
    const keyframes = frames.flatMap((_, index) => (whole.track.packets[index]?.keyframe === true ? [index] : []));
    const from = keyframes[1] ?? 0;
    if (header === undefined || from === 0) throw new Error('ffmpeg wrote no second keyframe');
    const url = await origin.published('open-gop', [header, ...frames.slice(from)], ['video.m3u8']);

    const [file = Buffer.alloc(0)] = await downloadRuns(`${url}/video.m3u8`);
    const { samples } = samplesOfIsoBoxes(file);
    const sent = whole.track.packets.slice(from).map(({ data }) => sha256(data));
    const missing = sent.flatMap((hash, index) => (samples.some((sample) => sample.sha256 === hash) ? [] : [index]));
    // With these options x265 writes two of them behind every keyframe but the first.
    expect(missing).toEqual([1, 2]);
    expect(samples[0]?.keyframe).toBe(true);

    const shown = ['-vsync', 'passthrough', ...decodeOnly];
    const decoded = await run('ffmpeg', ['-nostdin', '-v', 'info', '-i', `${url}/index.m3u8`, ...shown]);
    expect(decoded.standardError).not.toMatch(/could not find ref/i);
    expect(Number(/frame=\s*(\d+)(?!.*frame=)/s.exec(decoded.standardError)?.[1])).toBe(samples.length);
  });
});

describe('a stream in HDR10', () => {
  const colors = '-pix_fmt yuv420p10le -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc';
  const source = 'testsrc2=s=160x120:r=25:d=3';
  const inRecord = 'G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)';

  /** OBS sends the colours of its project so, before the first picture. */
  const colorInfo = {
    typeId: messageType.video,
    timestampMs: 0,
    payload: encodeVideoTag({
      kind: 'color-info',
      codec: 'av1',
      trackId: 0,
      colorInfo: {
        colorConfig: { bitDepth: 10, colorPrimaries: 9, transferCharacteristics: 16, matrixCoefficients: 9 },
        hdrCll: { maxCll: 1_000, maxFall: 400 },
        hdrMdcv: hdr10Display,
      },
    }),
  };

  it.each<[where: string, video: EncodableVideo, extra: string, before: readonly SentMessage[]]>([
    [
      'in the record of HEVC',
      'hevc',
      `-x265-params log-level=none:hdr10=1:max-cll=1000,400:master-display=${inRecord}`,
      [],
    ],
    ['beside AV1', 'av1', '', [colorInfo]],
  ])('has its colours where ffprobe finds them: said %s', async (_, codec, extra, before) => {
    const video = await encodedVideo(codec, source, { extra: `${colors} ${extra}`.trim() });
    const url = await origin.published(`hdr-${codec}`, [...before, ...video.messages], ['video.m3u8']);
    const index = await (await fetch(`${url}/index.m3u8`)).text();
    expect(index).toContain('VIDEO-RANGE=PQ');
    const [file = Buffer.alloc(0)] = await downloadRuns(`${url}/video.m3u8`);
    const { stream } = await samplesOfFfprobe(file);
    expect(stream).toMatchObject({
      color_primaries: 'bt2020',
      color_transfer: 'smpte2084',
      color_space: 'bt2020nc',
      side_data_list: [
        {
          side_data_type: 'Mastering display metadata',
          red_x: '34000/50000',
          green_y: '34500/50000',
          blue_x: '7500/50000',
          white_point_y: '16450/50000',
          max_luminance: '10000000/10000',
          min_luminance: '1/10000',
        },
        { side_data_type: 'Content light level metadata', max_content: 1_000, max_average: 400 },
      ],
    });
  });
});

describe('a stream whose configuration changes in the midst', () => {
  const first = 'testsrc2=s=160x120:r=25:d=4';
  const larger = 'testsrc2=s=320x240:r=25:d=4';
  it.each<{ from: EncodableVideo; to: EncodableVideo; source: string; size: [number, number] }>([
    { from: 'avc', to: 'avc', source: larger, size: [320, 240] },
    { from: 'av1', to: 'av1', source: larger, size: [320, 240] },
    { from: 'vp9', to: 'vp9', source: larger, size: [320, 240] },
    { from: 'hevc', to: 'hevc', source: larger, size: [320, 240] },
    { from: 'avc', to: 'av1', source: first, size: [160, 120] },
    { from: 'vp9', to: 'hevc', source: larger, size: [320, 240] },
  ])(
    'goes on behind a discontinuity with a new EXT-X-MAP: $from to $to of $size',
    async ({ from, to, source, size }) => {
      const [before, after, audio] = await Promise.all([
        encodedVideo(from, first),
        encodedVideo(to, source, { fromMs: 4_000 }),
        encodedAudio('opus', 'sine=r=48000:d=8'),
      ]);
      const messages = [...sentTogether(before, after, audio)];
      const url = await origin.published(`${from}-to-${to}-${size.join('x')}`, messages);

      const playlist = await (await fetch(`${url}/video.m3u8`)).text();
      expect(playlist.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(1);
      expect(playlist.match(/#EXT-X-MAP:URI="[^"]*"/g)).toHaveLength(2);
      // Sound has the same decoder, and the discontinuity at the same segment.
      const sound = await (await fetch(`${url}/audio.m3u8`)).text();
      expect(sound.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(1);
      expect(new Set(sound.match(/#EXT-X-MAP:URI="[^"]*"/g)).size).toBe(1);

      const runs = await downloadRuns(`${url}/video.m3u8`);
      const probed = await Promise.all(runs.map((bytes) => samplesOfFfprobe(bytes)));
      expect(probed.map(({ stream }) => [stream['width'], stream['height']])).toEqual([[160, 120], size]);
      for (const [index, { track }] of [before, after].entries()) {
        expect(probed[index]?.samples.map((sample) => sample.sha256)).toEqual(
          track.packets.map(({ data }) => sha256(data)),
        );
      }
      // The times of the second go on where those of the first end.
      const ends = probed[0]?.samples.at(-1)?.dtsTicks ?? 0;
      expect((probed[1]?.samples[0]?.dtsTicks ?? 0) - ends).toBe(90_000 / 25);

      // ffmpeg leaves out what follows the first EXT-X-MAP where the decoder needs another record: each run alone, then.
      const frames = await Promise.all(runs.map(decodedFrames));
      expect(frames).toEqual([100, 100]);
      if (from === to && to !== 'avc') {
        const whole = await run('ffmpeg', ['-nostdin', '-v', 'warning', '-i', `${url}/video.m3u8`, ...decodeOnly]);
        expect(whole.code).toBe(0);
        expect(whole.standardError).not.toMatch(/error|corrupt|invalid/i);
      }
    },
  );

  it('goes on with other sound', async () => {
    const [video, before, after] = await Promise.all([
      encodedVideo('avc', 'testsrc2=s=160x120:r=25:d=8'),
      encodedAudio('aac', 'sine=r=44100:d=4'),
      encodedAudio('opus', 'sine=r=48000:d=4', { fromMs: 4_000 }),
    ]);
    const url = await origin.published('aac-to-opus', sentTogether(video, before, after));
    const runs = await downloadRuns(`${url}/audio.m3u8`);
    const probed = await Promise.all(runs.map((bytes) => samplesOfFfprobe(bytes)));
    expect(probed.map(({ stream }) => [stream['codec_name'], stream['sample_rate']])).toEqual([
      ['aac', '44100'],
      ['opus', '48000'],
    ]);
  });
});

/** How many pictures come out of a decoder, which must not complain. */
async function decodedFrames(file: Buffer): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'streamfront-run-'));
  try {
    const path = join(folder, 'run.mp4');
    await writeFile(path, file);
    const counting = ['-count_frames', '-show_entries', 'stream=nb_read_frames', '-of', 'csv=p=0'];
    const { standardOutput, standardError } = await run('ffprobe', ['-v', 'error', ...counting, path]);
    expect(standardError).toBe('');
    return Number(standardOutput.trim());
  } finally {
    await rm(folder, { recursive: true });
  }
}
