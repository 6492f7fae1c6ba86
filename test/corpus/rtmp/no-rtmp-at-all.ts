import { concatenated, type HostileInput, latin1 } from './hostile-input.ts';

/** What arrives on an RTMP port and is something else. */
export const noRtmpAtAll: readonly HostileInput[] = [
  {
    name: 'an HTTP request on the RTMP port',
    stage: 'fresh',
    bytes: () => latin1('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    ends: 'RTMP_VERSION',
  },
  {
    name: 'the beginning of a TLS connection on the RTMP port',
    stage: 'fresh',
    bytes: () => Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03),
    ends: 'RTMP_VERSION',
  },
  { name: 'the first byte of RTMPE', stage: 'fresh', bytes: () => Uint8Array.of(6), ends: 'RTMP_VERSION' },
  { name: 'the first byte of nothing known', stage: 'fresh', bytes: () => Uint8Array.of(0), ends: 'RTMP_VERSION' },
  {
    name: 'garbage',
    stage: 'fresh',
    // A generator of bytes that is the same every time.
    bytes: () => Uint8Array.from({ length: 5_000 }, (_, index) => (index * 167 + 91) & 0xff),
    ends: 'RTMP_VERSION',
  },
  {
    name: 'garbage behind a right handshake',
    stage: 'fresh',
    bytes: () => concatenated([3], new Uint8Array(2 * 1_536), new Uint8Array(4_000).fill(0xff)),
    ends: 'RTMP_CHUNK_HEADER',
  },
];
