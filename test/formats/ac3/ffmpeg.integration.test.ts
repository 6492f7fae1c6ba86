import { describe, expect, it } from 'vitest';
import { ac3TrackConfig } from '../../../src/formats/ac3/access-unit.ts';
import { encodeTrack } from '../../support/encoded-tracks.ts';

/** The first thirteen bits of a `dec3` box, in kbit/s. */
function dataRate(dec3: Uint8Array = new Uint8Array(0)): number {
  return ((dec3[0] ?? 0) << 5) | ((dec3[1] ?? 0) >> 3);
}

function withoutDataRate(dec3: Uint8Array): Uint8Array {
  return Uint8Array.of((dec3[1] ?? 0) & 7, ...dec3.subarray(2));
}

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
    const { probed, packets, box } = await encodeTrack(
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
    // At 44.1 kHz frames of two lengths come in turn, and what the box says of the bit rate with them.
    const { specificBox: _, ...format } = config;
    for (const { data } of packets) expect(ac3TrackConfig(codec, data)).toMatchObject(format);
    const written = box(codec === 'ac3' ? 'dac3' : 'dec3');
    expect(codec === 'ac3' ? config.specificBox : withoutDataRate(config.specificBox)).toEqual(
      codec === 'ac3' ? written : withoutDataRate(written ?? new Uint8Array(0)),
    );
    if (codec === 'eac3') expect(Math.abs(dataRate(config.specificBox) - dataRate(written))).toBeLessThanOrEqual(1);
  });
});
