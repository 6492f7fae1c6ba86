import { describe, expect, it } from 'vitest';
import { vpxTrackConfig } from '../../../src/formats/vp9/codec-configuration.ts';
import { encodeTrack } from '../../support/encoded-tracks.ts';

describe('vpxTrackConfig, ffprobe and mediabunny', () => {
  it.each([
    ['testsrc2=s=322x182:r=25', '-pix_fmt yuv420p'],
    ['testsrc2=s=1280x720:r=30', '-pix_fmt yuv420p'],
    ['testsrc2=s=321x181:r=25', '-pix_fmt yuv444p'],
    ['testsrc2=s=640x360:r=25', '-pix_fmt yuv420p10le'],
    ['testsrc2=s=320x180:r=25', '-pix_fmt yuv422p12le'],
    ['testsrc2=s=200x150:r=25', '-pix_fmt gbrp'],
  ])('agree on VP9 of %s %s', async (source, options) => {
    const vp9 = `-frames:v 6 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 ${options}`;
    const { probed, codecString, box, packets } = await encodeTrack(source, vp9, 'mp4');
    const body = box('vpcC');
    const [keyframe, ...others] = packets;
    if (body === undefined || keyframe === undefined) throw new Error('ffmpeg wrote no vpcC or no frame');
    // With the version and flags of the box, and without, as ffmpeg puts it into FLV.
    const configs = [body, body.subarray(4)].map((record) => vpxTrackConfig('vp9', record, keyframe.data, 1));
    expect(configs[1]).toStrictEqual(configs[0]);
    expect(configs[0]).toMatchObject({
      codec: 'vp9',
      trackId: 1,
      description: body.subarray(4),
      width: probed.width,
      height: probed.height,
    });
    expect(codecString.startsWith(configs[0]?.codecString ?? 'none')).toBe(true);
    expect(`Profile ${Number(configs[0]?.codecString.slice(5, 7))}`).toBe(probed.profile);
    for (const { data, keyframe: isKey } of others) {
      if (!isKey) expect(vpxTrackConfig('vp9', body, data)).toBeUndefined();
    }
  });

  it('agree on VP8', async () => {
    const vp8 = '-frames:v 6 -c:v libvpx -deadline realtime -cpu-used 8';
    const { probed, packets } = await encodeTrack('testsrc2=s=322x182:r=25', vp8, 'webm');
    // WebM has no such record for VP8: profile 0, level 1, 8 bits 4:2:0.
    const record = Uint8Array.of(0, 10, 0x82, 1, 1, 1, 0, 0);
    const configs = packets.map(({ data }) => vpxTrackConfig('vp8', record, data));
    expect(configs[0]).toMatchObject({ codecString: 'vp08.00.10.08', width: probed.width, height: probed.height });
    expect(configs.map((config) => config !== undefined)).toEqual(packets.map(({ keyframe }) => keyframe));
  });
});
