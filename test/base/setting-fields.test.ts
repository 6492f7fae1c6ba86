import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { durationField, isLoopback, listenField, sizeField } from '../../src/base/setting-fields.ts';

/** What an operator is told about a value. */
function finding(field: z.ZodType, value: unknown): string | undefined {
  return field.safeParse(value).error?.issues[0]?.message;
}

describe('durationField', () => {
  it('gives milliseconds', () => {
    expect(durationField().parse('6s')).toBe(6_000);
    expect(durationField({ minMs: 6_000, maxMs: 6_000 }).parse('6s')).toBe(6_000);
  });

  it('says how a duration is written, and which are allowed', () => {
    expect(finding(durationField(), '6')).toBe(
      '"6" is not a duration: write a number and ms, s, m, h or d, such as 6s',
    );
    expect(finding(durationField({ minMs: 100 }), '99ms')).toBe('99ms is out of range: at least 100 ms');
    expect(finding(durationField({ minMs: 100, maxMs: 1_000 }), '2s')).toBe(
      '2s is out of range: at least 100 ms, at most 1000 ms',
    );
    expect(finding(durationField(), 6)).toBeDefined();
  });
});

describe('sizeField', () => {
  it('gives bytes', () => {
    expect(sizeField().parse('64KiB')).toBe(65_536);
    expect(sizeField({ minBytes: 65_536 }).parse('64KiB')).toBe(65_536);
  });

  it('says how a size is written, and which are allowed', () => {
    expect(finding(sizeField(), '64K')).toContain('"64K" is not a size: write a number and B, kB');
    expect(finding(sizeField({ minBytes: 65_536 }), '64kB')).toBe('64kB is too small: at least 65536 bytes');
    expect(finding(sizeField(), 64)).toBeDefined();
  });
});

describe('listenField', () => {
  it('listens on loopback and the default port when nothing is said', () => {
    expect(listenField(8_080).parse(undefined)).toStrictEqual({ host: '127.0.0.1', port: 8_080 });
    expect(listenField(8_080).parse({ host: '::' })).toStrictEqual({ host: '::', port: 8_080 });
    expect(listenField(8_080).parse({ port: 0 })).toStrictEqual({ host: '127.0.0.1', port: 0 });
  });

  it('refuses what is no port, an empty host and unknown settings', () => {
    for (const value of [{ port: 65_536 }, { port: -1 }, { port: 80.5 }, { port: '80' }, { host: '' }, { prot: 80 }]) {
      expect(listenField(8_080).safeParse(value).success).toBe(false);
    }
  });
});

describe('isLoopback', () => {
  it.each(['localhost', '127.0.0.1', '127.255.0.3', '::1', '::ffff:127.0.0.1'])('holds for %s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each([
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '128.0.0.1',
    '127.0.0.1.example.com',
    'localhost.example.com',
    '::ffff:10.0.0.1',
    '1127.0.0.1',
    '',
  ])('does not hold for %j', (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});
