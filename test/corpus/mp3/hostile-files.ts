import type { HostileFile } from '../flv/hostile-files.ts';
import { joinedBytes } from '../../support/synthetic-flv.ts';

/** MPEG-1 layer III, 128 kbit/s, 44.1 kHz, stereo: 417 bytes. */
const header = [0xff, 0xfb, 0x90, 0x00] as const;
const frameBytes = 417;

function mp3Frame(content: readonly number[] = []): Uint8Array {
  const frame = new Uint8Array(frameBytes);
  frame.set(header);
  frame.set(content, 36);
  return frame;
}

export function mp3Frames(count: number): Uint8Array {
  return joinedBytes(...Array.from({ length: count }, () => mp3Frame()));
}

const ascii = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));
const uint32 = (value: number): number[] => [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
const id3 = (size: readonly number[]): number[] => [...ascii('ID3'), 4, 0, 0, ...size];

/** MP3 files that contradict themselves, promise too much, or are something else. */
export const hostileMp3Files: readonly HostileFile[] = [
  { name: 'an ID3 tag longer than the file', bytes: () => joinedBytes(id3([0x7f, 0x7f, 0x7f, 0x7f]), mp3Frames(20)), refusedBy: 'MP3_TAG' },
  {
    name: 'an ID3 tag whose size has eight bits a byte',
    bytes: () => joinedBytes(id3([0xff, 0xff, 0xff, 0xff]), mp3Frames(20)),
    refusedBy: undefined,
  },
  { name: 'an ID3 tag and nothing else', bytes: () => Uint8Array.from(id3([0, 0, 0, 0])), refusedBy: 'MP3_EMPTY' },
  {
    name: 'empty ID3 tags without end',
    bytes: () => joinedBytes(...Array.from({ length: 20_000 }, () => id3([0, 0, 0, 0]))),
    refusedBy: 'MP3_EMPTY',
  },
  {
    name: 'a free bit rate',
    bytes: () => joinedBytes(...Array.from({ length: 50 }, () => joinedBytes([0xff, 0xfb, 0x00, 0x00], new Uint8Array(600)))),
    refusedBy: 'MP3_FREE_FORMAT',
  },
  {
    name: 'two million bytes of ones',
    bytes: () => joinedBytes(id3([0, 0, 0, 0]), new Uint8Array(2_000_000).fill(0xff)),
    refusedBy: 'MP3_EMPTY',
  },
  {
    name: 'syncwords of layer III at every step, and no frame',
    bytes: () => Uint8Array.from({ length: 400_000 }, (_, index) => header[index % 4] ?? 0),
    refusedBy: 'MP3_EMPTY',
  },
  {
    name: 'an Info header that announces a hundred million frames',
    bytes: () => joinedBytes(mp3Frame([...ascii('Info'), ...uint32(3), ...uint32(100_000_000), ...uint32(41_700)]), mp3Frames(99)),
    refusedBy: undefined,
  },
  {
    name: 'a Xing header of no frames, and a table that leads backwards',
    bytes: () => {
      const table = Array.from({ length: 100 }, (_, index) => 255 - index);
      return joinedBytes(mp3Frame([...ascii('Xing'), ...uint32(7), ...uint32(0), ...uint32(0), ...table]), mp3Frames(99));
    },
    refusedBy: undefined,
  },
  {
    name: 'a VBRI header with 65,535 points that are not there',
    bytes: () =>
      joinedBytes(
        mp3Frame([...ascii('VBRI'), 0, 1, 0, 0, 0, 0, ...uint32(41_700), ...uint32(100), 0xff, 0xff, 0xff, 0xff, 0, 4, 0, 1]),
        mp3Frames(99),
      ),
    refusedBy: undefined,
  },
  { name: 'garbage between the frames', bytes: () => joinedBytes(mp3Frames(50), new Uint8Array(30_000).fill(0xff), mp3Frames(50)), refusedBy: undefined },
  {
    name: 'an APE tag at the end that is longer than the file',
    bytes: () => joinedBytes(mp3Frames(50), ascii('APETAGEX'), [0xd0, 7, 0, 0, 0xff, 0xff, 0xff, 0x7f], new Uint8Array(16)),
    refusedBy: undefined,
  },
];
