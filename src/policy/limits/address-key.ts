import { ipAddressText, ipv6Groups, parseIpAddress } from '../../base/ip-address.ts';

/**
 * Whom an address stands for, as limits count: IPv4 one by one, also where it comes mapped into IPv6, and IPv6 by /64,
 * which is what one customer has at least and can take new addresses from at will. What is no address is its own key.
 */
export function addressKey(address: string): string {
  const bytes = address.includes(':') ? parseIpAddress(address) : undefined;
  if (bytes === undefined) return address;
  return bytes.length === 4 ? ipAddressText(bytes) : `${ipv6Groups(bytes).slice(0, 4).join(':')}::/64`;
}
