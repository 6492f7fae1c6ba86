import { parseIpAddress } from '../../src/base/ip-address.ts';

/** A header of version 1, as proxies write it. */
export function proxyLine(address: string, port: number, to = address.includes(':') ? '::1' : '127.0.0.1'): string {
  return `PROXY ${address.includes(':') ? 'TCP6' : 'TCP4'} ${address} ${to} ${port} 443\r\n`;
}

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** A header of version 2; what it holds beside the addresses is `more`. */
export function proxyBinary(address: string, port: number, more: Uint8Array = Buffer.alloc(0)): Buffer {
  const from = parseIpAddress(address) ?? Buffer.alloc(4);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(port, 0);
  ports.writeUInt16BE(443, 2);
  const body = Buffer.concat([from, Buffer.alloc(from.length, 7), ports, more]);
  return proxyBinaryOf(0x21, from.length === 4 ? 0x11 : 0x21, body);
}

/** Of any command, family and body. */
export function proxyBinaryOf(versionAndCommand: number, familyAndProtocol: number, body: Uint8Array): Buffer {
  const head = Buffer.from([versionAndCommand, familyAndProtocol, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([signature, head, body]);
}
