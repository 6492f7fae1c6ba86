import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipAddressText, parseIpAddress } from '../../../src/base/ip-address.ts';
import { maxProxyHeaderBytes, readProxyHeader } from '../../../src/formats/proxy-protocol/proxy-header.ts';
import { proxyBinary, proxyBinaryOf, proxyLine } from '../../support/proxy-headers.ts';

const address = fc.oneof(fc.ipV4(), fc.ipV6());
const port = fc.integer({ min: 0, max: 65_535 });
const plain = (text: string): string => ipAddressText(parseIpAddress(text) ?? new Uint8Array());
const versions = {
  1: (from: string, fromPort: number) => Buffer.from(proxyLine(from, fromPort)),
  2: proxyBinary,
};

describe.each([1, 2] as const)('readProxyHeader, version %d', (version) => {
  const header = versions[version];

  it('gives the source, whatever comes behind the header, and asks for more while it is not whole', () => {
    fc.assert(
      fc.property(address, port, fc.uint8Array({ maxLength: 64 }), (from, fromPort, behind) => {
        const bytes = header(from, fromPort);
        expect(readProxyHeader(Buffer.concat([bytes, behind]))).toEqual({
          kind: 'whole',
          lengthBytes: bytes.length,
          source: { address: plain(from), port: fromPort },
        });
        for (let length = 0; length < bytes.length; length++) {
          expect(readProxyHeader(bytes.subarray(0, length))).toEqual({ kind: 'partial' });
        }
      }),
      { numRuns: 200 },
    );
  });

  it('judges any bytes that begin so without throwing, and never beyond its bound', () => {
    const beginning = header('192.0.2.1', 80);
    fc.assert(
      fc.property(fc.nat({ max: beginning.length }), fc.uint8Array({ maxLength: 300 }), (kept, behind) => {
        const reading = readProxyHeader(Buffer.concat([beginning.subarray(0, kept), behind]));
        expect(['partial', 'absent', 'broken', 'whole']).toContain(reading.kind);
      }),
      { numRuns: 2_000 },
    );
    const endless = Buffer.concat([beginning.subarray(0, 14), Buffer.alloc(maxProxyHeaderBytes, 0xff)]);
    expect(readProxyHeader(endless).kind).not.toBe('partial');
  });
});

describe('readProxyHeader', () => {
  it.each([
    'GET / HTTP/1.1\r\n',
    'PROX\r\n',
    'proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n',
    '\x03',
    '\x16\x03\x01',
    '\r\n\r\nGET',
  ])('takes %j for something else', (text) => {
    expect(readProxyHeader(Buffer.from(text, 'latin1'))).toEqual({ kind: 'absent' });
  });

  it.each([
    'PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n',
    'PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n',
    'PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n',
    'PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY TCP6 2001:db8::1%eth0 ::1 1 2\r\n',
    'PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY constructor 192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY \r\n',
    `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`,
  ])('finds %j broken', (text) => {
    expect(readProxyHeader(Buffer.from(text)).kind).toBe('broken');
  });

  it.each([
    ['version 1', 0x11, 0x11, Buffer.alloc(12)],
    ['an unknown command', 0x22, 0x11, Buffer.alloc(12)],
    ['UDP', 0x21, 0x12, Buffer.alloc(12)],
    ['an unknown family', 0x21, 0x41, Buffer.alloc(12)],
    ['too short a body for IPv4', 0x21, 0x11, Buffer.alloc(11)],
    ['too short a body for IPv6', 0x21, 0x21, Buffer.alloc(35)],
    ['more than anybody has to say', 0x21, 0x11, Buffer.alloc(4_097)],
  ])('finds a binary header with %s broken', (_what, command, family, body) => {
    expect(readProxyHeader(proxyBinaryOf(command, family, body)).kind).toBe('broken');
  });

  it.each([
    ['PROXY UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n')],
    ['PROXY UNKNOWN and more', Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n')],
    ['LOCAL', proxyBinaryOf(0x20, 0x00, Buffer.alloc(0))],
    ['LOCAL and more', proxyBinaryOf(0x20, 0x11, Buffer.alloc(40, 1))],
    ['nothing about the source', proxyBinaryOf(0x21, 0x00, Buffer.alloc(3))],
    ['a socket of its machine', proxyBinaryOf(0x21, 0x31, Buffer.alloc(216))],
  ])('takes %s for a word of the proxy about itself', (_what, bytes) => {
    expect(readProxyHeader(bytes)).toEqual({ kind: 'whole', lengthBytes: bytes.length, source: undefined });
  });

  it('passes over what a proxy adds, and takes mapped IPv4 for IPv4', () => {
    const bytes = proxyBinary('2001:db8::9', 7, Buffer.alloc(300, 3));
    expect(readProxyHeader(bytes)).toMatchObject({ lengthBytes: bytes.length, source: { address: '2001:db8::9' } });
    const mapped = Buffer.from('PROXY TCP6 ::ffff:192.0.2.9 ::1 5 6\r\n');
    expect(readProxyHeader(mapped)).toMatchObject({ source: { address: '192.0.2.9', port: 5 } });
  });
});
