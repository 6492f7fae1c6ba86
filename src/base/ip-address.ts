/**
 * Reads an address as the system, a proxy or an operator writes it: 4 bytes of IPv4 or 16 of IPv6, `undefined` for anything
 * else (RFC 4291 §2.2). IPv4 that is mapped into IPv6 (`::ffff:192.0.2.1`) is IPv4. A zone (`%eth0`) is left out.
 */
export function parseIpAddress(text: string): Uint8Array | undefined {
  if (!text.includes(':')) {
    const value = ipv4Number(text);
    return value === undefined ? undefined : ipv4Bytes(value);
  }
  const zoneAt = text.indexOf('%');
  return ipv6Bytes(zoneAt === -1 ? text : text.slice(0, zoneAt));
}

/** `192.0.2.1` as a number; octets have no leading zeros, which some read as octal. */
export function ipv4Number(text: string): number | undefined {
  const octets = text.split('.');
  if (octets.length !== 4) return undefined;
  let value = 0;
  for (const octet of octets) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(octet) || Number(octet) > 255) return undefined;
    value = value * 256 + Number(octet);
  }
  return value;
}

/** As text: IPv6 with its longest run of zeros left out (RFC 5952 §4). `bytes`: 4 or 16. */
export function ipAddressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  const text = groups.join(':');
  const runs = [...text.matchAll(/\b0(?::0)+\b/g)];
  const [longest] = runs.sort((a, b) => b[0].length - a[0].length);
  if (longest === undefined) return text;
  const before = text.slice(0, longest.index).replace(/:$/, '');
  const after = text.slice(longest.index + longest[0].length).replace(/^:/, '');
  return `${before}::${after}`;
}

function ipv4Bytes(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = '', tail] = halves;
  const first = groupBytes(head, tail === undefined);
  const last = tail === undefined ? [] : groupBytes(tail, true);
  if (first === undefined || last === undefined) return undefined;
  const left = 16 - first.length - last.length;
  // `::` stands for one group of zeros at least.
  if (tail === undefined ? left !== 0 : left < 2) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(first);
  bytes.set(last, 16 - last.length);
  const isMapped = bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  return isMapped ? bytes.slice(12) : bytes;
}

/** Groups between colons; at the end of an address the last two may be written as IPv4. */
function groupBytes(text: string, atEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [i, group] of groups.entries()) {
    const embedded = atEnd && i === groups.length - 1 ? ipv4Number(group) : undefined;
    if (embedded !== undefined) bytes.push(...ipv4Bytes(embedded));
    else if (/^[0-9a-f]{1,4}$/i.test(group)) bytes.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff);
    else return undefined;
  }
  return bytes.length > 16 ? undefined : bytes;
}
