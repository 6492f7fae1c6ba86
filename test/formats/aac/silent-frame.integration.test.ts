import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentFrame } from '../../../src/formats/aac/silent-frame.ts';
import { run } from '../../support/ffmpeg.ts';
import { audioConfig } from '../../support/synthetic-units.ts';

/** A frame of AAC-LC at 48 kHz with its ADTS header (ISO/IEC 14496-3 §1.A.3). */
function adts(frame: Uint8Array, channels: number): Uint8Array {
  const length = frame.length + 7;
  const sizes = [((channels & 3) << 6) | (length >> 11), (length >> 3) & 0xff, ((length & 7) << 5) | 0x1f];
  return Uint8Array.from([0xff, 0xf1, 0x4c, ...sizes, 0xfc, ...frame]);
}

describe('silentFrame', () => {
  it.each([1, 2])('decodes to silence, %d channels', async (channels) => {
    const frame = silentFrame({ ...audioConfig, channels });
    expect(frame).toBeDefined();
    const folder = await mkdtemp(join(tmpdir(), 'streamfront-silence-'));
    try {
      const file = join(folder, 'silence.aac');
      await writeFile(
        file,
        Buffer.concat(Array.from({ length: 50 }, () => adts(frame ?? new Uint8Array(0), channels))),
      );
      const filters = ['-af', 'volumedetect', '-f', 'null', '-'];
      const { code, standardError } = await run('ffmpeg', ['-nostdin', '-hide_banner', '-i', file, ...filters]);
      expect(code).toBe(0);
      expect(standardError).toContain('max_volume: -91.0 dB');
      expect(standardError).toContain(`n_samples: ${50 * 1_024 * channels}`);
      expect(standardError).not.toMatch(/error|invalid/i);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is not known for more channels, or with SBR', () => {
    expect(silentFrame({ ...audioConfig, channels: 6 })).toBeUndefined();
    expect(silentFrame({ ...audioConfig, codecString: 'mp4a.40.5' })).toBeUndefined();
  });
});
