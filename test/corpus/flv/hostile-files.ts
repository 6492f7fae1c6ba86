import {
  aacHeaderTag,
  audioFrameTag,
  avcHeaderTag,
  flvFile,
  flvHeader,
  flvTag,
  joinedBytes,
  syntheticFlv,
  videoFrameTag,
} from '../../support/synthetic-flv.ts';

export interface HostileFile {
  readonly name: string;
  readonly bytes: () => Uint8Array;
  /** The code of the error with which it is refused when opened; `undefined`: it opens, and what is whole in it plays. */
  readonly refusedBy: string | undefined;
}

const begun = [avcHeaderTag, aacHeaderTag, videoFrameTag(0, true), audioFrameTag(0), videoFrameTag(40, false)];
const ascii = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));
const name = (text: string): number[] => [text.length >> 8, text.length & 0xff, ...ascii(text)];
const number = (value: number): number[] => {
  const bytes = new Uint8Array(9);
  new DataView(bytes.buffer).setFloat64(1, value);
  return [...bytes];
};
const onMetaData = (...properties: readonly number[][]) => ({
  typeId: 18,
  timestampMs: 0,
  body: Uint8Array.from([2, ...name('onMetaData'), 8, 0, 0, 0, 9, ...properties.flat(), 0, 0, 9]),
});
const strictArray = (count: number, values: readonly number[][]): number[] => [
  10,
  (count >>> 24) & 0xff,
  (count >>> 16) & 0xff,
  (count >>> 8) & 0xff,
  count & 0xff,
  ...values.flat(),
];

/** FLV files that contradict themselves, promise too much, or are something else. */
export const hostileFlvFiles: readonly HostileFile[] = [
  { name: 'a header and nothing else', bytes: () => flvHeader, refusedBy: 'FLV_EMPTY' },
  { name: 'half a header', bytes: () => flvHeader.slice(0, 5), refusedBy: 'FLV_HEADER' },
  {
    name: 'a header of 4 GiB',
    bytes: () => joinedBytes(flvHeader.slice(0, 5), [0xff, 0xff, 0xff, 0xff], new Uint8Array(64)),
    refusedBy: 'FLV_HEADER',
  },
  { name: 'two million zeros', bytes: () => joinedBytes(flvHeader, new Uint8Array(2_000_000)), refusedBy: 'FLV_EMPTY' },
  {
    name: 'tags of no length without end',
    bytes: () =>
      joinedBytes(
        flvHeader,
        ...Array.from({ length: 50_000 }, () => flvTag({ typeId: 9, timestampMs: 0, body: new Uint8Array(0) })),
      ),
    refusedBy: 'FLV_EMPTY',
  },
  {
    name: 'a first tag of 16 MiB that is not there',
    bytes: () => joinedBytes(flvHeader, flvTag({ ...avcHeaderTag, saysBodyBytes: 0xff_ff_ff }), new Uint8Array(4_096)),
    refusedBy: 'FLV_EMPTY',
  },
  {
    name: 'sequence headers without end',
    bytes: () => joinedBytes(flvFile([]), ...Array.from({ length: 3_000 }, () => flvTag(aacHeaderTag))),
    refusedBy: 'FLV_EMPTY',
  },
  {
    name: 'a decoder configuration that is cut',
    bytes: () => flvFile([{ ...avcHeaderTag, body: avcHeaderTag.body.slice(0, 9) }, ...begun]),
    refusedBy: 'FLV_TAG',
  },
  {
    name: 'an encrypted tag',
    bytes: () => flvFile([{ ...avcHeaderTag, typeId: 0x29 }, ...begun]),
    refusedBy: 'FLV_ENCRYPTED',
  },
  {
    name: 'pictures of VP6',
    bytes: () => flvFile([{ typeId: 9, timestampMs: 0, body: Uint8Array.of(0x14, 0, 1, 2, 3) }, ...begun.slice(1, 2)]),
    refusedBy: 'FLV_CODEC',
  },
  {
    name: 'metadata that announces a hundred million keyframes',
    bytes: () =>
      flvFile([
        onMetaData(
          [...name('keyframes'), 3, ...name('times'), ...strictArray(100_000_000, [number(0)])],
          [...name('filepositions'), ...strictArray(100_000_000, [number(13)]), 0, 0, 9],
        ),
        ...begun,
      ]),
    refusedBy: undefined,
  },
  {
    name: 'metadata with a duration of 10^300 seconds and keyframes behind the end',
    bytes: () =>
      flvFile([
        onMetaData(
          [...name('duration'), ...number(1e300)],
          [...name('keyframes'), 3, ...name('times'), ...strictArray(2, [number(0), number(1)])],
          [...name('filepositions'), ...strictArray(2, [number(13), number(1e15)]), 0, 0, 9],
        ),
        ...begun,
      ]),
    refusedBy: undefined,
  },
  {
    name: 'every PreviousTagSize a lie',
    bytes: () =>
      flvFile(
        [...begun, ...Array.from({ length: 200 }, (_, index) => videoFrameTag(80 + index * 40, index % 20 === 0, 2_000))].map(
          (tag) => ({ ...tag, saysPreviousTagSize: 0xff_ff_ff_ff }),
        ),
      ),
    refusedBy: undefined,
  },
  {
    name: 'garbage between the tags',
    bytes: () =>
      joinedBytes(
        syntheticFlv({ frames: 200, gopFrames: 10 }),
        new Uint8Array(70_000).fill(9),
        syntheticFlv({ frames: 200, gopFrames: 10, startMs: 8_000 }).slice(13),
      ),
    refusedBy: undefined,
  },
  {
    name: 'timestamps that run backwards',
    bytes: () =>
      flvFile([...begun, ...Array.from({ length: 3_000 }, (_, index) => videoFrameTag(120_000 - index * 40, index % 20 === 0, 200))]),
    refusedBy: undefined,
  },
  {
    name: 'what looks like a tag at every step',
    bytes: () => {
      const fakes = new Uint8Array(200_000);
      for (let at = 0; at + 12 <= fakes.length; at += 12) fakes.set([9, 0, 0, 1], at);
      return joinedBytes(syntheticFlv({ frames: 50, gopFrames: 10 }), fakes, syntheticFlv({ frames: 50, gopFrames: 10, startMs: 60_000 }));
    },
    refusedBy: undefined,
  },
];
