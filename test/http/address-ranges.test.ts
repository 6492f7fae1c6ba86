import { describe, expect, it } from 'vitest';
import { AddressRanges, isAddressRange } from '../../src/http/address-ranges.ts';

describe('AddressRanges', () => {
  it('knows addresses and ranges of both families', () => {
    const ranges = new AddressRanges(['127.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1']);
    for (const inside of ['127.9.9.9', '192.0.2.7', '::ffff:192.0.2.7', '2001:db8:ffff::1', '::1']) {
      expect([inside, ranges.has(inside)]).toEqual([inside, true]);
    }
    for (const outside of ['128.0.0.1', '192.0.2.8', '2001:db9::1', '::2', '', 'localhost']) {
      expect([outside, ranges.has(outside)]).toEqual([outside, false]);
    }
  });

  it.each(['', '1.2.3', '1.2.3.4/33', '1.2.3.4/', '::1/129', 'localhost', '1.2.3.4/8/8', '1.2.3.4/-1'])(
    'does not take %j for one',
    (text) => {
      expect(isAddressRange(text)).toBe(false);
    },
  );
});
