import { describe, expect, it } from 'vitest';
import { legacyFlvClient, mpegtsJsClient } from '../../src/formats/flv/client-capabilities.ts';
import { flvClientOf } from '../../src/live/flv-client.ts';

describe('flvClientOf', () => {
  it('takes browsers for mpegts.js', () => {
    expect(flvClientOf('Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0')).toBe(mpegtsJsClient);
  });

  it('gives what is not known, and ffmpeg up to 6.0, what every player has always understood', () => {
    for (const name of [undefined, 'VLC/3.0.20 LibVLC/3.0.20', 'Lavf/59.27.100', 'Lavf/60.3.100', 'curl/8']) {
      expect(flvClientOf(name)).toBe(legacyFlvClient);
    }
  });

  it('knows what newer ones of ffmpeg read', () => {
    expect([...flvClientOf('Lavf/60.16.100').enhancedCodecs].sort()).toEqual(['av1', 'hevc', 'vp9']);
    expect(flvClientOf('Lavf/61.7.100').enhancedCodecs.has('opus')).toBe(false);
    expect(flvClientOf('Lavf/62.3.100').enhancedCodecs.has('opus')).toBe(true);
    expect(flvClientOf('Lavf/62.3.100').multitrack).toBe(true);
  });
});
