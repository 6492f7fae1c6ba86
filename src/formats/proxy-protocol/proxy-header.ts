import { ipAddressText, parseIpAddress } from '../../base/ip-address.ts';

/** Whom a proxy speaks for. */
export interface ProxiedSource {
  readonly address: string;
  readonly port: number;
}

export type ProxyHeaderReading =
  /** What is there may become one. */
  | { readonly kind: 'partial' }
  /** It is something else. */
  | { readonly kind: 'absent' }
  /** It begins as one and is none: the connection cannot be read any further. */
  | { readonly kind: 'broken'; readonly reason: string }
  /** `source` is absent where the proxy speaks for itself, as when it checks whether we live. */
  | { readonly kind: 'whole'; readonly lengthBytes: number; readonly source: ProxiedSource | undefined };

/** Line end included (PROXY protocol §2.1). */
const maxLineBytes = 107;
/** Of addresses and what is added to them (TLVs); proxies add some hundred bytes at most. */
const maxBodyBytes = 4_096;
/** More than this no header has: so much is read before it is judged. */
export const maxProxyHeaderBytes = 16 + maxBodyBytes;

const familyBytes = new Map([
  ['TCP4', 4],
  ['TCP6', 16],
]);
const lineBeginning = asBytes('PROXY ');
/** `\r\n\r\n\0\r\nQUIT\n` (§2.2): no other protocol begins so. */
const signature = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);

/**
 * Reads the header that a proxy puts before the bytes of a client ("The PROXY protocol", versions 1 and 2). `bytes`: what
 * has come so far, from the first byte of the connection on.
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeaderReading {
  if (beginsWith(bytes, signature)) return readBinary(bytes);
  if (beginsWith(bytes, lineBeginning)) return readLine(bytes);
  return { kind: 'absent' };
}

/** As far as both go. */
function beginsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  return beginning.every((byte, i) => i >= bytes.length || bytes[i] === byte);
}

/** Version 1, §2.1: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n`. */
function readLine(bytes: Uint8Array): ProxyHeaderReading {
  const end = bytes.subarray(0, maxLineBytes).indexOf(0x0a);
  if (end === -1) return bytes.length < maxLineBytes ? { kind: 'partial' } : broken('its line does not end');
  const line = String.fromCharCode(...bytes.subarray(0, end));
  if (!line.endsWith('\r')) return broken('its line ends without a carriage return');
  const lengthBytes = end + 1;
  const [, family = '', ...words] = line.slice(0, -1).split(' ');
  // Whatever follows is to be ignored.
  if (family === 'UNKNOWN') return { kind: 'whole', lengthBytes, source: undefined };
  const addressBytes = familyBytes.get(family);
  const [from = '', to = '', fromPort = '', toPort = ''] = words;
  if (addressBytes === undefined) return broken('its family is none of TCP4, TCP6 and UNKNOWN');
  if (words.length !== 4 || ![from, to].every((address) => isAddress(address, addressBytes))) {
    return broken('it does not hold two addresses of its family and two ports');
  }
  const port = portNumber(fromPort);
  if (port === undefined || portNumber(toPort) === undefined) return broken('it holds a port that is none');
  return { kind: 'whole', lengthBytes, source: { address: plainAddress(from), port } };
}

/** Mapped IPv4 may be written in a line for IPv6. */
function isAddress(text: string, lengthBytes: number): boolean {
  return !text.includes('%') && text.includes(':') === (lengthBytes === 16) && parseIpAddress(text) !== undefined;
}

function plainAddress(text: string): string {
  const bytes = parseIpAddress(text);
  return bytes === undefined ? text : ipAddressText(bytes);
}

function portNumber(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

/** Version 2, §2.2. */
function readBinary(bytes: Uint8Array): ProxyHeaderReading {
  const [versionAndCommand, familyAndProtocol, lengthHigh, lengthLow] = bytes.subarray(signature.length);
  if (versionAndCommand !== undefined && versionAndCommand >> 4 !== 2) return broken('its version is not 2');
  if (versionAndCommand !== undefined && (versionAndCommand & 0xf) > 1) return broken('its command is not known');
  if (lengthHigh === undefined || lengthLow === undefined) return { kind: 'partial' };
  const bodyBytes = (lengthHigh << 8) | lengthLow;
  if (bodyBytes > maxBodyBytes) return broken(`it announces ${bodyBytes} bytes, limit ${maxBodyBytes}`);
  const lengthBytes = signature.length + 4 + bodyBytes;
  if (bytes.length < lengthBytes) return { kind: 'partial' };
  const body = bytes.subarray(signature.length + 4, lengthBytes);
  // LOCAL: the proxy's own connection. What else stands in the header is to be ignored.
  if (versionAndCommand === 0x20) return { kind: 'whole', lengthBytes, source: undefined };
  switch (familyAndProtocol) {
    // Nothing is said, or a socket of the proxy's own machine.
    case 0x00:
    case 0x31:
      return { kind: 'whole', lengthBytes, source: undefined };
    case 0x11:
      return sourceIn(body, 4, lengthBytes);
    case 0x21:
      return sourceIn(body, 16, lengthBytes);
    default:
      return broken('its family and transport are not those of a TCP connection');
  }
}

function sourceIn(body: Uint8Array, addressBytes: number, lengthBytes: number): ProxyHeaderReading {
  if (body.length < 2 * addressBytes + 4) return broken('it is too short for the addresses of its family');
  const address = plainAddress(ipAddressText(body.subarray(0, addressBytes)));
  const [high = 0, low = 0] = body.subarray(2 * addressBytes);
  return { kind: 'whole', lengthBytes, source: { address, port: (high << 8) | low } };
}

function broken(reason: string): ProxyHeaderReading {
  return { kind: 'broken', reason };
}

function asBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
