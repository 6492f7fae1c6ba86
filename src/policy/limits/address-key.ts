/**
 * Whom an address stands for, as limits count: IPv4 one by one, also where it comes mapped into IPv6, and IPv6 by /64,
 * which is what one customer has at least and can take new addresses from at will.
 */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address;
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  const [before = '', after] = (address.split('%', 1)[0] ?? '').toLowerCase().split('::', 2);
  const left = before === '' ? [] : before.split(':');
  const right = after === undefined || after === '' ? [] : after.split(':');
  // A last group such as `192.0.2.1` fills two.
  const groupCount = left.length + right.length + ([...left, ...right].at(-1)?.includes('.') === true ? 1 : 0);
  const groups =
    after === undefined ? left : [...left, ...Array<string>(Math.max(0, 8 - groupCount)).fill('0'), ...right];
  const network = Array.from({ length: 4 }, (_, i) => (groups[i] ?? '0').replace(/^0+(?=.)/, ''));
  return `${network.join(':')}::/64`;
}
