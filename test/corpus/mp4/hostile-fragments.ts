import { fragmentedMp4, fullMp4Box, joined, mp4Box, u32, u64 } from '../../support/synthetic-mp4.ts';
import { type HostileFile, hostileTrack, hundredMillion, samplesOf, table } from './hostile-file.ts';

/** A fragment whose `traf` has these boxes behind a `tfhd`. */
function fragment(...boxes: readonly Uint8Array[]): Uint8Array {
  const head = fragmentedMp4([hostileTrack], []);
  const traf = mp4Box('traf', fullMp4Box('tfhd', 0, 0x02_0000, u32(1)), ...boxes);
  return joined([head, mp4Box('moof', traf), mp4Box('mdat', new Uint8Array(100))]);
}

const wholeFragments = () =>
  fragmentedMp4(
    [hostileTrack],
    [0, 1, 2].map(() => ({ runs: [{ track: 0, samples: samplesOf(10) }] })),
  );

export const hostileFragments: readonly HostileFile[] = [
  {
    name: 'a fragment of a hundred million samples without a byte',
    bytes: () => fragment(table('tfdt', 0), table('trun', hundredMillion)),
    refusedBy: 'MP4_TOO_MANY_SAMPLES',
  },
  {
    name: 'a fragment of four hundred thousand samples that are not said',
    bytes: () => fragment(fullMp4Box('trun', 0, 0x200, u32(400_000, 1, 2))),
    refusedBy: 'MP4_BOX',
  },
  {
    name: 'a fragment with its data before the file',
    bytes: () => fragment(fullMp4Box('trun', 0, 0x201, u32(1, 0x8000_0000, 1))),
    refusedBy: 'MP4_BOX',
  },
  {
    name: 'a fragment at 2^63',
    bytes: () => fragment(fullMp4Box('tfdt', 1, 0, u32(0x8000_0000, 0)), fullMp4Box('trun', 0, 0x200, u32(1, 1))),
    refusedBy: 'MP4_BOX',
  },
  {
    name: 'a fragment in a thousand years',
    bytes: () => joined([wholeFragments(), fragmentBehind(2 ** 45)]),
    refusedBy: 'MP4_TOO_LONG',
  },
  {
    name: 'a fragment of a duration of less than none',
    bytes: () => fragment(fullMp4Box('trun', 0, 0x300, u32(1, 0xffff_fff0, 1))),
    refusedBy: 'MP4_BOX',
  },
  {
    name: 'a fragment without a head',
    bytes: () => joined([fragmentedMp4([hostileTrack], []), mp4Box('moof', mp4Box('traf'))]),
    refusedBy: 'MP4_BOX',
  },
  { name: 'a last fragment that is cut', bytes: () => wholeFragments().subarray(0, -12), refusedBy: undefined },
  {
    name: 'a segment index with a timescale of 0',
    bytes: () => withIndex(fullMp4Box('sidx', 0, 0, u32(1, 0, 0, 0, 1, 100, 100, 0))),
    refusedBy: undefined,
  },
  {
    name: 'a segment index that announces more than it has',
    bytes: () => withIndex(fullMp4Box('sidx', 0, 0, u32(1, 1_000, 0, 0, 60_000, 100, 100, 0))),
    refusedBy: undefined,
  },
  {
    name: 'a segment index whose references have no size',
    bytes: () => withIndex(fullMp4Box('sidx', 0, 0, u32(1, 1_000, 0, 0, 2, 0x8000_0000, 0, 0, 0x8000_0000, 0, 0))),
    refusedBy: undefined,
  },
  {
    name: 'a random access table that announces a hundred million entries',
    bytes: () => withTable(table('tfra', 1, 0, hundredMillion, 0, 0)),
    refusedBy: undefined,
  },
  {
    name: 'a random access table that points to nothing',
    bytes: () => withTable(table('tfra', 1, 0, 2, 0, 3, 400, 0x7fff_ffff, 0)),
    refusedBy: undefined,
  },
  {
    name: 'a random access table of more bytes than the file',
    bytes: () => joined([wholeFragments(), table('mfro', 0x7fff_ffff)]),
    refusedBy: undefined,
  },
];

function fragmentBehind(ticks: number): Uint8Array {
  const tfhd = fullMp4Box('tfhd', 0, 0x02_0000, u32(1));
  const traf = mp4Box('traf', tfhd, fullMp4Box('tfdt', 1, 0, u64(ticks)), fullMp4Box('trun', 0, 0x300, u32(1, 40, 4)));
  return joined([mp4Box('moof', traf), mp4Box('mdat', new Uint8Array(9))]);
}

function withIndex(sidx: Uint8Array): Uint8Array {
  const head = fragmentedMp4([hostileTrack], []);
  return joined([head, sidx, wholeFragments().subarray(head.length)]);
}

function withTable(tfra: Uint8Array): Uint8Array {
  return joined([wholeFragments(), mp4Box('mfra', tfra, table('mfro', 8 + tfra.length + 16))]);
}
