import { describe, expect, it } from 'vitest';
import { av1TrackConfig } from '../../../src/formats/av1/codec-configuration.ts';
import { avcTrackConfig } from '../../../src/formats/avc/decoder-configuration.ts';
import { hevcTrackConfig } from '../../../src/formats/hevc/decoder-configuration.ts';
import type { VideoTrackConfig } from '../../../src/formats/media/track.ts';
import { videoRange } from '../../../src/formats/media/video-color.ts';
import { vpxTrackConfig } from '../../../src/formats/vp9/codec-configuration.ts';
import { hdr10Display } from '../../support/hdr10-display.ts';
import { encodeTrack, type EncodedTrack } from '../../support/encoded-tracks.ts';

const source = 'testsrc2=s=320x180:r=25';
const pq = '-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc';
const hlg = '-color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc';

const codecs: Readonly<
  Record<
    string,
    {
      readonly encoder: string;
      readonly box: string;
      readonly config: (record: Uint8Array, track: EncodedTrack) => VideoTrackConfig | undefined;
    }
  >
> = {
  avc: { encoder: 'libx264 -preset ultrafast', box: 'avcC', config: (record) => avcTrackConfig(record) },
  hevc: {
    encoder: 'libx265 -preset ultrafast -x265-params log-level=none',
    box: 'hvcC',
    config: (record) => hevcTrackConfig(record),
  },
  av1: {
    encoder: 'libaom-av1 -cpu-used 8 -usage realtime',
    box: 'av1C',
    config: (record) => av1TrackConfig(record, undefined),
  },
  vp9: {
    encoder: 'libvpx-vp9 -deadline realtime -cpu-used 8',
    box: 'vpcC',
    config: (record, { packets }) => vpxTrackConfig('vp9', record, packets[0]?.data ?? new Uint8Array(0)),
  },
};

async function encoded(codec: string, options: string): Promise<{ config: VideoTrackConfig; codecString: string }> {
  const { encoder, box, config } = codecs[codec] ?? {};
  const track = await encodeTrack(source, `-frames:v 4 -c:v ${encoder} ${options}`, 'mp4');
  const read = config?.(track.box(box ?? '') ?? new Uint8Array(0), track);
  if (read === undefined) throw new Error(`no configuration of ${codec}`);
  return { config: read, codecString: track.codecString };
}

describe('the colours of a track configuration', () => {
  it.each(Object.keys(codecs))('are those that ffmpeg was told to write: %s, PQ, HLG, and none', async (codec) => {
    const [dark, log, plain] = await Promise.all([
      encoded(codec, `-pix_fmt yuv420p10le ${pq}`),
      encoded(codec, `-pix_fmt yuv420p10le ${hlg} -color_range pc`),
      encoded(codec, '-pix_fmt yuv420p'),
    ]);
    expect(dark.config.color).toMatchObject({ primaries: 9, transfer: 16, matrix: 9, fullRange: false });
    expect(log.config.color).toMatchObject({ primaries: 9, transfer: 18, matrix: 9, fullRange: true });
    expect([dark, log, plain].map(({ config }) => videoRange(config.color))).toEqual(['PQ', 'HLG', 'SDR']);
    // As mediabunny has it, which names the colours of AV1 and VP9.
    if (codec === 'av1' || codec === 'vp9') expect(dark.config.codecString).toBe(dark.codecString);
  });

  it('are those of the HDR10 messages beside the parameter sets of HEVC', async () => {
    const display = 'master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)';
    const { config } = await encoded(
      'hevc',
      `-pix_fmt yuv420p10le ${pq} -x265-params log-level=none:hdr10=1:max-cll=1000,400:${display}`,
    );
    expect(config.color.contentLight).toEqual({ maxCll: 1_000, maxFall: 400 });
    expect(config.color.masteringDisplay).toEqual(hdr10Display);
  });
});
