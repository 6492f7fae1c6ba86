import { hundredMillion, type HostileFile, table, video } from './hostile-file.ts';
import { sampleVideos } from '../../support/sample-tracks.ts';
import {
  aacEntry,
  avcEntry,
  bareMoov,
  fullMp4Box,
  joined,
  latin,
  mp4Box,
  u32,
  u64,
} from '../../support/synthetic-mp4.ts';

const ftyp = mp4Box('ftyp', latin('isom'), u32(512));

/** Boxes of one track of ten samples of five bytes, each of which can be replaced. */
interface Boxes {
  readonly mvhd?: Uint8Array;
  readonly tkhd?: Uint8Array;
  readonly edts?: Uint8Array;
  readonly mdhd?: Uint8Array;
  readonly hdlr?: Uint8Array;
  readonly stsd?: Uint8Array;
  readonly stts?: Uint8Array;
  readonly ctts?: Uint8Array;
  readonly stss?: Uint8Array;
  readonly stsc?: Uint8Array;
  readonly stsz?: Uint8Array;
  readonly stco?: Uint8Array;
  readonly behind?: Uint8Array;
}

const none = new Uint8Array(0);
const mediaBytes = 50;
const mediaAt = ftyp.length + 8;

/** The media stands before `moov`, so that a box that is longer moves nothing. */
function file(boxes: Boxes): Uint8Array {
  return joined([ftyp, mp4Box('mdat', new Uint8Array(mediaBytes)), moovOf(boxes)]);
}

function moovOf(boxes: Boxes): Uint8Array {
  const stbl = mp4Box(
    'stbl',
    boxes.stsd ?? fullMp4Box('stsd', 0, 0, u32(1), video),
    boxes.stts ?? table('stts', 1, 10, 40),
    boxes.ctts ?? none,
    boxes.stss ?? table('stss', 2, 1, 6),
    boxes.stsc ?? table('stsc', 1, 1, 10, 1),
    boxes.stsz ?? table('stsz', 5, 10),
    boxes.stco ?? table('stco', 1, mediaAt),
  );
  const trak = mp4Box(
    'trak',
    boxes.tkhd ?? fullMp4Box('tkhd', 0, 1, u32(0, 0, 1, 0, 0), new Uint8Array(60)),
    boxes.edts ?? none,
    mp4Box(
      'mdia',
      boxes.mdhd ?? table('mdhd', 0, 0, 1_000, 0, 0),
      boxes.hdlr ?? fullMp4Box('hdlr', 0, 0, u32(0), latin('vide'), new Uint8Array(13)),
      mp4Box('minf', stbl),
    ),
  );
  return mp4Box('moov', boxes.mvhd ?? mvhdOf(1_000), trak, boxes.behind ?? none);
}

function mvhdOf(timescale: number): Uint8Array {
  return fullMp4Box('mvhd', 0, 0, u32(0, 0, timescale, 0), new Uint8Array(80));
}

const edits = (count: number) =>
  mp4Box('edts', fullMp4Box('elst', 0, 0, u32(count), ...Array.from({ length: count }, () => u32(1, 360, 0x1_0000))));


export const hostileFiles: readonly HostileFile[] = [
  { name: 'nothing', bytes: () => none, refusedBy: 'MP4_NO_MOOV' },
  { name: 'a head that is cut', bytes: () => ftyp.subarray(0, 5), refusedBy: 'MP4_NO_MOOV' },
  { name: 'no moov', bytes: () => joined([ftyp, mp4Box('mdat', new Uint8Array(9))]), refusedBy: 'MP4_NO_MOOV' },
  {
    name: 'media to the end of the file, and no moov',
    bytes: () => joined([ftyp, u32(0), latin('mdat'), new Uint8Array(100)]),
    refusedBy: 'MP4_NO_MOOV',
  },
  { name: 'a box of four bytes', bytes: () => joined([ftyp, u32(4), latin('free')]), refusedBy: 'MP4_BOX_SIZE' },
  {
    name: 'a wide size of less than its head',
    bytes: () => joined([ftyp, u32(1), latin('free'), u64(9)]),
    refusedBy: 'MP4_BOX_SIZE',
  },
  {
    name: 'a size of 2^63',
    bytes: () => joined([ftyp, u32(1), latin('moov'), u32(0x8000_0000, 0), new Uint8Array(50)]),
    refusedBy: 'MP4_BOX_SIZE',
  },
  {
    name: 'a moov of a terabyte that is not there',
    bytes: () => joined([ftyp, u32(1), latin('moov'), u64(2 ** 40), new Uint8Array(50)]),
    refusedBy: 'MP4_TRUNCATED',
  },
  {
    name: 'a moov within a moov, two thousand times',
    bytes: () => {
      let moov = mp4Box('moov');
      for (let depth = 0; depth < 2_000; depth++) moov = mp4Box('moov', moov);
      return joined([ftyp, moov]);
    },
    refusedBy: 'MP4_BOX',
  },
  {
    name: 'a track that is longer than moov',
    bytes: () => file({ behind: joined([u32(500), latin('trak')]) }),
    refusedBy: 'MP4_BOX_SIZE',
  },
  { name: 'a moov that is cut', bytes: () => file({}).subarray(0, -20), refusedBy: 'MP4_TRUNCATED' },
  { name: 'a moov that is compressed', bytes: () => file({ behind: mp4Box('cmov') }), refusedBy: 'MP4_BOX' },
  {
    name: 'a hundred tracks',
    bytes: () => file({ behind: joined(Array.from({ length: 100 }, () => moovOf({}).subarray(8 + mvhdOf(1).length))) }),
    refusedBy: 'MP4_TOO_MANY_TRACKS',
  },
  { name: 'a movie timescale of 0', bytes: () => file({ mvhd: mvhdOf(0) }), refusedBy: 'MP4_BOX' },
  {
    name: 'a media timescale of 0',
    bytes: () => file({ mdhd: table('mdhd', 0, 0, 0, 0, 0) }),
    refusedBy: 'MP4_BOX',
  },
  { name: 'a header that is cut', bytes: () => file({ mdhd: mp4Box('mdhd', u32(0, 0)) }), refusedBy: 'MP4_BOX' },
  {
    name: 'a hundred million samples of one size',
    bytes: () =>
      file({
        stsz: table('stsz', 5, hundredMillion),
        stts: table('stts', 1, hundredMillion, 1),
        stsc: table('stsc', 1, 1, hundredMillion, 1),
      }),
    refusedBy: 'MP4_TOO_MANY_SAMPLES',
  },
  {
    name: 'ten million samples of no size at one place',
    bytes: () =>
      file({
        stsz: table('stsz', 0, 10_000_000),
        stts: table('stts', 1, 10_000_000, 1),
        stsc: table('stsc', 1, 1, 10_000_000, 1),
      }),
    refusedBy: 'MP4_BOX',
  },
  ...['stts', 'ctts', 'stss', 'stsc', 'stco'].map((type) => ({
    name: `a ${type} that announces a hundred million entries`,
    bytes: () => file({ [type]: table(type, hundredMillion, 1, 1, 1) }),
    refusedBy: 'MP4_BOX',
  })),
  {
    name: 'a stsz that announces a hundred million sizes',
    bytes: () => file({ stsz: table('stsz', 0, hundredMillion, 1) }),
    refusedBy: 'MP4_BOX',
  },
  {
    name: 'a stz2 of sizes of three bits',
    bytes: () => file({ stsz: table('stz2', 3, 10, 0, 0) }),
    refusedBy: 'MP4_BOX',
  },
  {
    name: 'a stz2 that announces more than it has',
    bytes: () => file({ stsz: table('stz2', 4, 100, 0) }),
    refusedBy: 'MP4_BOX',
  },
  { name: 'times for half of the samples', bytes: () => file({ stts: table('stts', 1, 5, 40) }), refusedBy: 'MP4_BOX' },
  {
    name: 'a duration of less than none',
    bytes: () => file({ stts: table('stts', 2, 5, 40, 5, 0xffff_fff0) }),
    refusedBy: 'MP4_BOX',
  },
  {
    name: 'times of thousands of years',
    bytes: () => file({ stts: table('stts', 1, 10, 2 ** 31 - 1), mdhd: table('mdhd', 0, 0, 1, 0, 0) }),
    refusedBy: 'MP4_TOO_LONG',
  },
  {
    name: 'composition offsets of the smallest number',
    bytes: () => file({ ctts: table('ctts', 2, 5, 0x8000_0000, 5, 0x7fff_ffff), mdhd: table('mdhd', 0, 0, 90_000, 0, 0) }),
    refusedBy: undefined,
  },
  { name: 'sync samples that go back', bytes: () => file({ stss: table('stss', 2, 6, 1) }), refusedBy: 'MP4_BOX' },
  { name: 'a sync sample that is not there', bytes: () => file({ stss: table('stss', 1, 11) }), refusedBy: 'MP4_BOX' },
  { name: 'no sync sample at all', bytes: () => file({ stss: table('stss', 0) }), refusedBy: undefined },
  { name: 'a chunk of no samples', bytes: () => file({ stsc: table('stsc', 1, 1, 0, 1) }), refusedBy: 'MP4_BOX' },
  {
    name: 'chunks that go back',
    bytes: () => file({ stsc: table('stsc', 2, 1, 1, 1, 1, 9, 1) }),
    refusedBy: 'MP4_BOX',
  },
  { name: 'chunks that begin at 0', bytes: () => file({ stsc: table('stsc', 1, 0, 10, 1) }), refusedBy: 'MP4_BOX' },
  { name: 'chunks for half of the samples', bytes: () => file({ stsc: table('stsc', 1, 1, 5, 1) }), refusedBy: 'MP4_BOX' },
  {
    name: 'a sample description that is not there',
    bytes: () => file({ stsc: table('stsc', 1, 1, 10, 7) }),
    refusedBy: 'MP4_BOX',
  },
  {
    name: 'a chunk beyond the file',
    bytes: () => file({ stco: table('stco', 1, 0xffff_0000) }),
    refusedBy: 'MP4_TRUNCATED',
  },
  {
    name: 'a chunk at 2^64',
    bytes: () => file({ stco: fullMp4Box('co64', 0, 0, u32(1, 0xffff_ffff, 0xffff_ffff)) }),
    refusedBy: 'MP4_TRUNCATED',
  },
  {
    name: 'a sample of four gigabytes',
    bytes: () => file({ stsz: table('stsz', 0xffff_ffff, 10) }),
    refusedBy: 'MP4_TRUNCATED',
  },
  {
    name: 'sample descriptions without end',
    bytes: () => file({ stsd: table('stsd', hundredMillion) }),
    refusedBy: 'MP4_TOO_MANY_DESCRIPTIONS',
  },
  { name: 'a sample description that is missing', bytes: () => file({ stsd: table('stsd', 1) }), refusedBy: 'MP4_BOX' },
  {
    name: 'a decoder configuration that is cut',
    bytes: () => file({ stsd: fullMp4Box('stsd', 0, 0, u32(1), avcEntry(sampleVideos.avc.record.subarray(0, 9))) }),
    refusedBy: 'MP4_SAMPLE_DESCRIPTION',
  },
  {
    name: 'a sample entry that is cut',
    bytes: () => file({ stsd: fullMp4Box('stsd', 0, 0, u32(1), mp4Box('avc1', new Uint8Array(20))) }),
    refusedBy: 'MP4_BOX',
  },
  {
    name: 'an esds that ends early',
    bytes: () =>
      file({
        hdlr: fullMp4Box('hdlr', 0, 0, u32(0), latin('soun'), new Uint8Array(13)),
        stsd: fullMp4Box('stsd', 0, 0, u32(1), aacEntry().map((byte, at) => (at === 53 ? 0 : byte))),
      }),
    refusedBy: 'MP4_BOX',
  },
  {
    name: 'encrypted pictures',
    bytes: () => file({ stsd: fullMp4Box('stsd', 0, 0, u32(1), mp4Box('encv', video.subarray(8))) }),
    refusedBy: 'MP4_NOTHING_TO_PLAY',
  },
  {
    name: 'subtitles alone',
    bytes: () => file({ hdlr: fullMp4Box('hdlr', 0, 0, u32(0), latin('text'), new Uint8Array(13)) }),
    refusedBy: 'MP4_NOTHING_TO_PLAY',
  },
  {
    name: 'no samples',
    bytes: () => joined([ftyp, bareMoov([bareTrack([])])]),
    refusedBy: 'MP4_NOTHING_TO_PLAY',
  },
  { name: 'two thousand edits', bytes: () => file({ edts: edits(2_000) }), refusedBy: 'MP4_TOO_MANY_EDITS' },
  {
    name: 'edits that must all be searched for',
    bytes: () =>
      file({
        edts: mp4Box(
          'edts',
          fullMp4Box('elst', 0, 0, u32(1_000), ...Array.from({ length: 1_000 }, () => u32(1, 999_999, 0x1_0000))),
        ),
        stsz: fullMp4Box('stsz', 0, 0, u32(1, 1_000_000)),
        stts: table('stts', 1, 1_000_000, 1),
        ctts: table('ctts', 2, 999_999, 0, 1, 2_000_000),
        stsc: table('stsc', 1, 1, 1_000_000, 1),
        behind: mp4Box('free', new Uint8Array(1_000_000)),
      }),
    refusedBy: 'MP4_EDITS_TOO_COSTLY',
  },
  {
    name: 'an edit list that announces a hundred million',
    bytes: () => file({ edts: mp4Box('edts', table('elst', hundredMillion, 1, 0, 0x1_0000)) }),
    refusedBy: 'MP4_BOX',
  },
  {
    name: 'an edit of less than no time',
    bytes: () =>
      file({ edts: mp4Box('edts', fullMp4Box('elst', 1, 0, u32(1, 0xffff_ffff, 0, 0, 0, 0x1_0000))) }),
    refusedBy: 'MP4_BOX',
  },
  {
    name: 'an edit of media that is not there',
    bytes: () => file({ edts: mp4Box('edts', table('elst', 1, 100, 1_000_000, 0x1_0000)) }),
    refusedBy: 'MP4_NOTHING_TO_PLAY',
  },
  {
    name: 'an empty edit of a hundred days',
    bytes: () => file({ edts: mp4Box('edts', table('elst', 2, 0xffff_ffff, 0xffff_ffff, 0x1_0000, 400, 0, 0x1_0000)), mvhd: mvhdOf(100) }),
    refusedBy: 'MP4_TOO_LONG',
  },
];

function bareTrack(sizes: readonly number[]) {
  return {
    handler: 'vide',
    timescale: 1_000,
    entry: video,
    durationTicks: 40,
    compositionOffsets: undefined,
    syncs: undefined,
    sizes,
    samplesToChunks: [],
    chunkOffsets: [],
  } as const;
}
