import { describe, expect, it } from 'vitest';
import { av1TrackConfig } from '../../../src/formats/av1/codec-configuration.ts';
import { encodeTrack } from '../../support/encoded-tracks.ts';

describe('av1TrackConfig, ffprobe and mediabunny', () => {
  it.each([
    ['testsrc2=s=322x182:r=25', '-c:v libsvtav1 -preset 12'],
    ['testsrc2=s=1280x720:r=30', '-c:v libsvtav1 -preset 12 -pix_fmt yuv420p10le'],
    ['testsrc2=s=640x360:r=25', '-c:v libaom-av1 -cpu-used 8 -usage realtime'],
    ['testsrc2=s=322x182:r=25', '-c:v libaom-av1 -cpu-used 8 -usage realtime -pix_fmt yuv444p'],
    ['testsrc2=s=200x150:r=60', '-c:v libaom-av1 -cpu-used 8 -usage realtime -pix_fmt yuv422p12le'],
  ])('agree on %s %s', async (source, options) => {
    const { probed, codecString, box, packets } = await encodeTrack(source, `-frames:v 6 ${options}`, 'mp4');
    const record = box('av1C');
    if (record === undefined) throw new Error('ffmpeg wrote no av1C');
    const config = av1TrackConfig(record, undefined, 2);
    expect(config).toMatchObject({
      kind: 'video',
      codec: 'av1',
      trackId: 2,
      description: record,
      width: probed.width,
      height: probed.height,
    });
    // Up to the chroma; for colours that the stream leaves open mediabunny writes those of BT.709.
    const upToChroma = config?.codecString.split('.').slice(0, 6).join('.') ?? 'none';
    expect(codecString.startsWith(upToChroma)).toBe(true);
    expect(Number(config?.codecString.slice(7, 9))).toBe(probed.level);
    if (config?.framesPerSecond !== undefined) {
      expect(config.framesPerSecond).toBeCloseTo(Number(probed.avg_frame_rate.split('/')[0]), 3);
    }

    // A record without a sequence header is made whole from the first keyframe.
    const bare = record.subarray(0, 4);
    const [keyframe] = packets;
    expect(av1TrackConfig(bare, undefined)).toBeUndefined();
    expect(av1TrackConfig(bare, keyframe?.data, 2)).toMatchObject({
      codecString: config?.codecString,
      width: probed.width,
      height: probed.height,
    });
    const inter = packets.find((packet) => !packet.keyframe);
    if (inter !== undefined) expect(av1TrackConfig(bare, inter.data)).toBeUndefined();
  });
});
