import { describe, expect, it } from 'vitest';
import { ac3TrackConfig, parseAc3SyncFrame } from '../../../src/formats/ac3/sync-frame.ts';
import { encodeTrack } from '../../support/encoded-tracks.ts';

const layouts = ['-ac 1', '-ac 2', '-ac 6', '-channel_layout 2.1', '-channel_layout quad', '-channel_layout 3.0'];

describe('ac3TrackConfig, ffprobe and mediabunny', () => {
  it.each(
    (['ac3', 'eac3'] as const).flatMap((codec) =>
      [48_000, 44_100, 32_000].flatMap((rate, index) =>
        layouts.filter((_, at) => at % 3 === index || index === 0).map((layout) => [codec, rate, layout] as const),
      ),
    ),
  )('agree on %s of %i Hz %s', async (codec, rate, layout) => {
    const filter = layout.startsWith('-channel_layout')
      ? `aformat=channel_layouts=${layout.slice('-channel_layout '.length)}`
      : 'anull';
    const count = layout.startsWith('-ac') ? `${layout} ` : '';
    const { probed, packets } = await encodeTrack(
      `sine=r=${rate}:d=0.3,${filter}`,
      `-c:a ${codec} ${count}-ar ${rate}`,
      'mp4',
    );
    const [first] = packets;
    if (first === undefined) throw new Error('no frame');
    const config = ac3TrackConfig(codec, first.data);
    expect(config).toMatchObject({
      codec,
      codecString: codec === 'ac3' ? 'ac-3' : 'ec-3',
      sampleRate: Number(probed.sample_rate),
      channels: probed.channels,
    });
    expect(Math.round(first.durationSeconds * rate)).toBe(config.samplesPerFrame);
    for (const { data } of packets) expect(parseAc3SyncFrame(data)).toEqual(parseAc3SyncFrame(first.data));
  });
});
