import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatDurationMs,
  formatSizeBytes,
  parseBitsPerSecond,
  parseDurationMs,
  parseSizeBytes,
} from '../../src/base/units.ts';

describe('parseDurationMs', () => {
  it.each([
    ['350ms', 350],
    ['6s', 6_000],
    ['1.5s', 1_500],
    ['2 m', 120_000],
    ['2h', 7_200_000],
    [' 1d ', 86_400_000],
    ['0s', 0],
    ['0.4ms', 0],
  ])('reads %s', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each(['', '6', 's', '6 sec', '6S', '-6s', '1e3s', '6s6s', '.5s', '6,5s', '9999999999999d', '6constructor'])(
    'refuses %j',
    (text) => {
      expect(parseDurationMs(text)).toBeUndefined();
    },
  );
});

describe('parseBitsPerSecond', () => {
  it.each([
    ['800kbps', 800_000],
    ['2.5Mbps', 2_500_000],
    ['12 bps', 12],
  ])('reads %s', (text, bitsPerSecond) => {
    expect(parseBitsPerSecond(text)).toBe(bitsPerSecond);
  });

  it.each(['800', '800k', '2.5mbps', '800kB', '-1bps'])('refuses %j', (text) => {
    expect(parseBitsPerSecond(text)).toBeUndefined();
  });
});

describe('parseSizeBytes', () => {
  it.each([
    ['512MiB', 536_870_912],
    ['10GB', 10_000_000_000],
    ['1.5kB', 1_500],
    ['64KiB', 65_536],
    ['2TiB', 2_199_023_255_552],
    ['7B', 7],
    ['0B', 0],
  ])('reads %s', (text, bytes) => {
    expect(parseSizeBytes(text)).toBe(bytes);
  });

  it.each(['', '512', '512mib', '512MB!', '1K', '1KB', '-1B', '9007199254740992B', '1toString'])(
    'refuses %j',
    (text) => {
      expect(parseSizeBytes(text)).toBeUndefined();
    },
  );
});

describe('formatDurationMs and formatSizeBytes', () => {
  it('take the largest unit that leaves a whole number', () => {
    expect([0, 350, 1_500, 60_000, 90_000, 7_200_000, 86_400_000].map(formatDurationMs)).toStrictEqual([
      '0ms',
      '350ms',
      '1500ms',
      '1m',
      '90s',
      '2h',
      '1d',
    ]);
    expect([0, 1_000, 1_024, 536_870_912, 10_000_000_000].map(formatSizeBytes)).toStrictEqual([
      '0B',
      '1kB',
      '1KiB',
      '512MiB',
      '10GB',
    ]);
  });

  it('write what is read as the same again', () => {
    const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(whole, (value) => {
        expect(parseDurationMs(formatDurationMs(value))).toBe(value);
        expect(parseSizeBytes(formatSizeBytes(value))).toBe(value);
      }),
    );
  });
});
