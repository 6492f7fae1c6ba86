import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressKey } from '../../../src/policy/limits/address-key.ts';

describe('addressKey', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2::192.0.2.7', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ])('of %s is %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it('is one for all addresses of a /64, however they are written, and different for two /64', () => {
    const group = fc.integer({ min: 1, max: 0xffff });
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), group, (groups, other) => {
        const text = (host: number[]) => [...groups.slice(0, 4), ...host].map((value) => value.toString(16)).join(':');
        const key = addressKey(text(groups.slice(4)));
        expect(addressKey(text([other, other, other, other]))).toBe(key);
        expect(
          addressKey(
            `${groups
              .slice(0, 4)
              .map((value) => value.toString(16))
              .join(':')}::${other.toString(16)}`,
          ),
        ).toBe(key);
        const neighbour = [...groups];
        neighbour[3] = (groups[3] ?? 0) ^ 1;
        expect(addressKey(neighbour.map((value) => value.toString(16)).join(':'))).not.toBe(key);
      }),
    );
  });
});
