import { BlockList, isIP } from 'node:net';

/** Whether it is an address or a range of addresses: `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`. */
export function isAddressRange(text: string): boolean {
  return rangeOf(text) !== undefined;
}

/** Addresses of both families. */
export class AddressRanges {
  readonly #ranges = new BlockList();

  /** Each one is an `isAddressRange`. */
  constructor(texts: readonly string[]) {
    for (const text of texts) {
      const range = rangeOf(text);
      if (range === undefined)
        throw new TypeError(`the settings let "${text}" through, which is no range of addresses`);
      this.#ranges.addSubnet(range.address, range.prefixBits, range.family);
    }
  }

  /** IPv4 may come mapped into IPv6. What is no address is in none. */
  has(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#ranges.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }
}

function rangeOf(text: string) {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  const most = family === 4 ? 32 : 128;
  const prefixBits = bits === undefined ? most : Number(bits);
  if (family === 0 || prefixBits > most) return undefined;
  return { address, prefixBits, family: family === 4 ? ('ipv4' as const) : ('ipv6' as const) };
}
