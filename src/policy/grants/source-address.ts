import { ipv4Number } from '../../base/ip-address.ts';

/** A range of IPv4 addresses, as a policy names it. */
export interface AddressRange {
  readonly base: number;
  readonly prefixBits: number;
}

/** Reads `192.0.2.0/24` or `192.0.2.1`; `undefined` for anything else. CloudFront's policies know IPv4 only. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [, address = '', bits = '32'] = /^([\d.]{7,15})(?:\/(\d{1,2}))?$/.exec(text) ?? [];
  const base = ipv4Number(address);
  const prefixBits = Number(bits);
  return base === undefined || prefixBits > 32 ? undefined : { base, prefixBits };
}

/**
 * Whether an address, as the system tells that of a peer, is in a range. IPv4 may come mapped into IPv6
 * (`::ffff:192.0.2.1`). Other IPv6 addresses are in `0.0.0.0/0` only, which CloudFront's guide gives for "any address".
 */
export function isInRange({ base, prefixBits }: AddressRange, address: string | undefined): boolean {
  if (prefixBits === 0) return true;
  const value = ipv4Number((address ?? '').replace(/^::ffff:(?=\d)/i, ''));
  if (value === undefined) return false;
  const ignoredBits = 32 - prefixBits;
  return value >>> ignoredBits === base >>> ignoredBits;
}
