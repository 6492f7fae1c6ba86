const zero = 0x30;

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
  let value = 0;
  let octets = 0;
  let at = 0;
  // By characters: addresses are read for each viewer who is not known.
  while (octets < 4) {
    const began = at;
    let octet = 0;
    for (let digit = text.charCodeAt(at) - zero; digit >= 0 && digit <= 9; digit = text.charCodeAt(++at) - zero) {
      octet = octet * 10 + digit;
    }
    const digits = at - began;
    if (digits === 0 || digits > 3 || octet > 255 || (digits > 1 && text.charCodeAt(began) === zero)) return undefined;
    value = value * 256 + octet;
    octets++;
    if (octets < 4 && text[at++] !== '.') return undefined;
  }
  return at === text.length ? value : undefined;
}

/** As text: IPv6 with its longest run of zeros left out (RFC 5952 §4). `bytes`: 4 or 16. */
export function ipAddressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const text = ipv6Groups(bytes).join(':');
  const runs = [...text.matchAll(/\b0(?::0)+\b/g)];
  const [longest] = runs.sort((a, b) => b[0].length - a[0].length);
  if (longest === undefined) return text;
  const before = text.slice(0, longest.index).replace(/:$/, '');
  const after = text.slice(longest.index + longest[0].length).replace(/^:/, '');
  return `${before}::${after}`;
}

/** The eight groups of an address, without leading zeros. `bytes`: 16. */
export function ipv6Groups(bytes: Uint8Array): string[] {
  return Array.from({ length: 8 }, (_, i) => (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16));
}

function ipv4Bytes(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(16);
  let filled = 0;
  /** Where `::` stands for zeros. */
  let gap: number | undefined;
  let at = 0;
  if (text.startsWith('::')) {
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    if (filled === 16) return undefined;
    const began = at;
    let group = 0;
    for (let digit = hexDigit(text, at); digit !== undefined; digit = hexDigit(text, ++at)) group = group * 16 + digit;
    // The last two groups may be written as IPv4.
    if (text[at] === '.') {
      const embedded = filled > 12 ? undefined : ipv4Number(text.slice(began));
      if (embedded === undefined) return undefined;
      bytes.set(ipv4Bytes(embedded), filled);
      filled += 4;
      break;
    }
    if (at === began || at - began > 4) return undefined;
    bytes[filled++] = group >> 8;
    bytes[filled++] = group & 0xff;
    if (at === text.length) break;
    if (text[at++] !== ':' || at === text.length) return undefined;
    if (text[at] === ':') {
      if (gap !== undefined) return undefined;
      gap = filled;
      at++;
    }
  }
  // `::` stands for one group of zeros at least.
  if (gap === undefined ? filled !== 16 : filled > 14) return undefined;
  if (gap !== undefined) {
    const behind = filled - gap;
    bytes.copyWithin(16 - behind, gap, filled);
    bytes.fill(0, gap, 16 - behind);
  }
  return isMapped(bytes) ? bytes.slice(12) : bytes;
}

function isMapped(bytes: Uint8Array): boolean {
  if (bytes[10] !== 0xff || bytes[11] !== 0xff) return false;
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return true;
}

function hexDigit(text: string, at: number): number | undefined {
  const code = text.charCodeAt(at);
  if (code >= zero && code <= 0x39) return code - zero;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined;
}
