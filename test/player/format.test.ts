import { describe, expect, it } from 'vitest';
import {
  formatBitrate,
  formatCodec,
  formatElapsed,
  formatQuality,
  formatSeconds,
  formatShare,
  formatSize,
  formatSound,
} from '../../player/src/format.ts';

describe('figures as people read them', () => {
  it('formatBitrate changes its unit at a megabit', () => {
    expect([812_345, 999_499, 999_500, 4_210_000, 12_400_000].map(formatBitrate)).toEqual([
      '812 kbit/s',
      '999 kbit/s',
      '1.0 Mbit/s',
      '4.2 Mbit/s',
      '12 Mbit/s',
    ]);
  });

  it('a missing figure is a dash', () => {
    expect([
      formatBitrate(undefined),
      formatBitrate(Number.NaN),
      formatSeconds(undefined),
      formatShare(undefined),
    ]).toEqual(['–', '–', '–', '–']);
    expect([
      formatSize(undefined),
      formatQuality(undefined),
      formatSound(undefined, undefined),
      formatCodec(''),
    ]).toEqual(['–', '–', '–', '–']);
  });

  it('formatSeconds keeps one decimal below a minute and is never negative', () => {
    expect([-0.3, 0, 1.44, 59.9, 59.96, 125].map(formatSeconds)).toEqual([
      '0.0 s',
      '0.0 s',
      '1.4 s',
      '59.9 s',
      '1 min 0 s',
      '2 min 5 s',
    ]);
  });

  it('formatElapsed uses the two largest units', () => {
    expect([-5, 38_000, 720_000, 11_100_000, 187_200_000].map(formatElapsed)).toEqual([
      '0 s',
      '38 s',
      '12 min',
      '3 h 5 min',
      '2 d 4 h',
    ]);
  });

  it('formatQuality names the shorter side, upright pictures too', () => {
    expect(formatQuality({ width: 1280, height: 720, framesPerSecond: 29.97 })).toBe('720p30');
    expect(formatQuality({ width: 720, height: 1280 })).toBe('720p');
  });

  it('formatCodec puts RFC 6381 into words and gives back what it does not know', () => {
    expect(['avc1.64001f', 'avc1.42C01E', 'avc3.4d4028', 'mp4a.40.2', 'opus', 'ac-3'].map(formatCodec)).toEqual([
      'H.264 High 3.1',
      'H.264 Baseline 3.0',
      'H.264 Main 4.0',
      'AAC-LC',
      'Opus',
      'ac-3',
    ]);
  });

  it('formatSound says rate and layout as far as known', () => {
    expect([formatSound(48_000, 2), formatSound(44_100, 1), formatSound(undefined, 6)]).toEqual([
      '48 kHz stereo',
      '44.1 kHz mono',
      '6 channels',
    ]);
  });
});
