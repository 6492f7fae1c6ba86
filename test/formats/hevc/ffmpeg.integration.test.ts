import { describe, expect, it } from 'vitest';
import { hevcTrackConfig, withCompleteParameterSets } from '../../../src/formats/hevc/decoder-configuration.ts';
import { encodeTrack } from '../../support/encoded-tracks.ts';

const profileNames: Readonly<Record<string, string>> = { '1': 'Main', '2': 'Main 10', '4': 'Rext' };

describe('hevcTrackConfig, ffprobe and mediabunny', () => {
  it.each([
    ['testsrc2=s=322x182:r=25', '-pix_fmt yuv420p', ''],
    ['testsrc2=s=1920x1080:r=30', '-pix_fmt yuv420p -threads 2', ':level-idc=4.1:high-tier=1'],
    ['testsrc2=s=640x360:r=30000/1001', '-pix_fmt yuv420p10le', ':scaling-list=default'],
    [
      'testsrc2=s=720x576:r=25,setsar=16/11',
      '-pix_fmt yuv420p',
      ':bframes=4:b-pyramid=1:ref=4:hrd=1:vbv-maxrate=1000:vbv-bufsize=1000',
    ],
    ['testsrc2=s=320x180:r=50,setsar=64/45', '-pix_fmt yuv422p10le', ':temporal-layers=3'],
    [
      'testsrc2=s=323x181:r=25',
      '-pix_fmt yuv444p',
      ':colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=full',
    ],
    ['testsrc2=s=200x150:r=25', '-pix_fmt gray', ':lossless=1:intra-refresh=1'],
  ])('agree on %s %s%s', async (source, options, parameters) => {
    const { probed, codecString, box } = await encodeTrack(
      source,
      `-frames:v 8 -c:v libx265 -preset ultrafast -x265-params log-level=none${parameters} ${options} -tag:v hvc1`,
      'mp4',
    );
    const record = box('hvcC');
    if (record === undefined) throw new Error('ffmpeg wrote no hvcC');
    const config = hevcTrackConfig(record, 5);
    const [horizontal, vertical] = (probed.sample_aspect_ratio ?? '').split(':').map(Number);
    expect(config).toMatchObject({
      kind: 'video',
      codec: 'hevc',
      trackId: 5,
      description: record,
      width: probed.width,
      height: probed.height,
      pixelAspect: { horizontal, vertical },
    });
    expect(config.codecString).toBe(codecString.replace('hev1', 'hvc1'));
    expect(profileNames[/^hvc1\.(\d+)\./.exec(config.codecString)?.[1] ?? '']).toBe(probed.profile);
    expect(config.codecString).toContain(`${parameters.includes('high-tier') ? 'H' : 'L'}${probed.level}`);
    const [frames = 0, seconds = 1] = probed.avg_frame_rate.split('/').map(Number);
    expect(config.framesPerSecond).toBeCloseTo(frames / seconds, 6);
  });
});

describe('withCompleteParameterSets', () => {
  it('says what ffmpeg says in a file with hvc1, of a record that leaves it open', async () => {
    const encoder = '-frames:v 2 -c:v libx265 -preset ultrafast -x265-params log-level=none';
    const [hvc1, hev1] = await Promise.all(
      ['hvc1', 'hev1'].map((tag) => encodeTrack('testsrc2=s=160x120:r=25', `${encoder} -tag:v ${tag}`, 'mp4')),
    );
    const [complete, open] = [hvc1?.box('hvcC'), hev1?.box('hvcC')];
    if (complete === undefined || open === undefined) throw new Error('ffmpeg wrote no hvcC');
    expect(open).not.toEqual(complete);
    expect(withCompleteParameterSets(open)).toEqual(complete);
    expect(hevcTrackConfig(withCompleteParameterSets(open)).codecString).toBe(hevcTrackConfig(open).codecString);
  });
});
