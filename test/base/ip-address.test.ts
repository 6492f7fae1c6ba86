import fc from 'fast-check';
import { isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ipAddressText, parseIpAddress } from '../../src/base/ip-address.ts';

describe('parseIpAddress', () => {
  it.each([
    ['192.0.2.1', [192, 0, 2, 1]],
    ['::ffff:192.0.2.1', [192, 0, 2, 1]],
    ['::FFFF:c000:201', [192, 0, 2, 1]],
    ['0:0:0:0:0:ffff:192.0.2.1', [192, 0, 2, 1]],
    ['::', Array.from({ length: 16 }, () => 0)],
    ['2001:db8::1%eth0', [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ['64:ff9b::192.0.2.33', [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 33]],
  ])('reads %s', (text, bytes) => {
    expect(parseIpAddress(text)).toEqual(Uint8Array.from(bytes));
  });

  it.each(['', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.256', '1.2.3.-4', ' 1.2.3.4', '1:2:3', '1::2::3', '::12345'])(
    'takes %j for no address',
    (text) => expect(parseIpAddress(text)).toBeUndefined(),
  );

  it('reads what the system takes for an address, and nothing else', () => {
    const digits = fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdef:.:::%')), maxLength: 24 });
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), digits), (text) => {
        if (text.includes('%')) return;
        expect(parseIpAddress(text) !== undefined).toBe(isIP(text) !== 0);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('ipAddressText', () => {
  it('writes what is read as the same bytes, IPv6 as URLs have it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const bytes = parseIpAddress(text) ?? new Uint8Array();
        const written = ipAddressText(bytes);
        expect(parseIpAddress(written)).toEqual(bytes);
        const host = new URL(`http://${bytes.length === 4 ? written : `[${written}]`}/`).hostname;
        expect(host).toBe(bytes.length === 4 ? written : `[${written}]`);
      }),
    );
  });
});
