import { describe, expect, it } from 'vitest';
import { LimitError } from '../../../src/base/errors.ts';
import { decodeFlv, openFlv } from '../../../src/formats/flv-index/flv-media.ts';
import type { StoredItem } from '../../../src/formats/media/stored-media.ts';
import { audioPacket, enhancedPacket, videoPacket } from '../../support/enhanced-packets.ts';
import { sampleAudios, sampleVideos } from '../../support/sample-tracks.ts';
import { StoredBytes } from '../../support/stored-bytes.ts';
import {
  aacHeaderTag,
  audioFrameTag,
  avcHeaderTag,
  flvFile,
  flvTag,
  joinedBytes,
  type SyntheticTag,
  videoFrameTag,
} from '../../support/synthetic-flv.ts';

function opened(bytes: Uint8Array) {
  const file = new StoredBytes(bytes);
  return { file, media: file.read(openFlv(bytes.length)) };
}

function itemsFrom(timeMs: number, { file, media }: ReturnType<typeof opened>): StoredItem[] {
  return [...file.items(file.read(media.cursorAt(timeMs)))];
}

/** Of the default track, or of another one in a packet of several tracks. */
function videoTags(codec: keyof typeof sampleVideos, times: readonly number[], trackId = 0): SyntheticTag[] {
  const { fourCc, record, keyframe, interFrame } = sampleVideos[codec];
  const packet = (packetType: number, frameType: number, body: Uint8Array) =>
    enhancedPacket({
      media: 'video',
      packetType,
      frameType,
      ...(trackId === 0 ? {} : { multitrack: 'one-track' as const }),
      tracks: [{ fourCc, trackId, body }],
    });
  const hasOffset = codec === 'hevc' || codec === 'avc';
  const frame = (data: Uint8Array) => (hasOffset ? joinedBytes([0, 0, 0], data) : data);
  return [
    { typeId: 9, timestampMs: times[0] ?? 0, body: packet(videoPacket.sequenceStart, 1, record) },
    ...times.map((timestampMs, index) => ({
      typeId: 9,
      timestampMs,
      body: packet(videoPacket.codedFrames, index % 5 === 0 ? 1 : 2, frame(index % 5 === 0 ? keyframe : interFrame)),
    })),
  ];
}

const everyTenth = (count: number, fromMs = 0) => Array.from({ length: count }, (_, index) => fromMs + index * 100);

describe('openFlv, of Enhanced RTMP', () => {
  it.each(['hevc', 'av1', 'vp9', 'vp8'] as const)('plays %s, from the beginning and from a keyframe', (codec) => {
    const both = opened(flvFile(videoTags(codec, everyTenth(50))));
    expect(both.media.trackConfigs).toMatchObject([{ kind: 'video', codec, trackId: 0 }]);
    const { width, height } = sampleVideos[codec];
    expect(both.media.trackConfigs).toMatchObject([{ width, height }]);
    const items = itemsFrom(0, both);
    expect(items).toHaveLength(50);
    const sought = itemsFrom(2_340, both);
    // What the first keyframe told of the codec is known already.
    expect(sought.map(({ kind }) => kind)).toEqual(Array.from({ length: 30 }, () => 'unit'));
    expect(sought[0]).toMatchObject({ unit: { timestampMs: 2_000, keyframe: true } });
    expect(decodeFlv(both.media.encode()).trackConfigs).toEqual(both.media.trackConfigs);
  });

  it.each(['opus', 'flac', 'ac3', 'eac3'] as const)('plays %s', (codec) => {
    const { fourCc, record, frame } = sampleAudios[codec];
    const packet = (packetType: number, body: Uint8Array) =>
      enhancedPacket({ media: 'audio', packetType, tracks: [{ fourCc, body }] });
    const tags: SyntheticTag[] = everyTenth(40).map((timestampMs) => ({
      typeId: 8,
      timestampMs,
      body: packet(audioPacket.codedFrames, frame),
    }));
    if (record.length > 0) tags.unshift({ typeId: 8, timestampMs: 0, body: packet(audioPacket.sequenceStart, record) });
    const both = opened(flvFile(tags));
    expect(both.media.trackConfigs).toMatchObject([{ kind: 'audio', codec }]);
    expect(itemsFrom(0, both)).toHaveLength(40);
    expect(itemsFrom(1_950, both)[0]).toMatchObject({ unit: { timestampMs: 1_900 } });
  });

  it('goes by the keyframes of the default track, and gives the others beside it', () => {
    const second = videoTags('avc', everyTenth(50, 50), 1);
    const tags = [...videoTags('hevc', everyTenth(50)), ...second].sort((a, b) => a.timestampMs - b.timestampMs);
    const both = opened(flvFile(tags));
    expect(both.media.trackConfigs.map(({ codec, trackId }) => [codec, trackId])).toEqual([
      ['hevc', 0],
      ['avc', 1],
    ]);
    expect(itemsFrom(2_080, both)[0]).toMatchObject({ unit: { trackId: 0, timestampMs: 2_000 } });
    expect(itemsFrom(0, both)).toHaveLength(100);
  });
});

describe('openFlv, of a file that changes its configuration', () => {
  const frames = (count: number, fromMs: number) =>
    everyTenth(count, fromMs).flatMap((timeMs, index) => videoFrameTag(timeMs, index % 10 === 0, 5_000));
  const bytes = flvFile([
    avcHeaderTag,
    ...frames(200, 0),
    ...videoTags('hevc', everyTenth(200, 20_000)),
    ...frames(0, 0),
  ]);

  it('says so where it does', () => {
    const items = itemsFrom(19_500, opened(bytes));
    expect(items.findIndex(({ kind }) => kind === 'config')).toBe(10);
    expect(items[10]).toMatchObject({ kind: 'config', config: { codec: 'hevc' } });
    expect(items[11]).toMatchObject({ kind: 'unit', unit: { timestampMs: 20_000, keyframe: true } });
  });

  it('begins with it behind there, once a cursor has met it', () => {
    const both = opened(bytes);
    itemsFrom(19_500, both);
    const [first, second] = itemsFrom(35_000, both);
    expect(first).toMatchObject({ kind: 'config', config: { codec: 'hevc' } });
    expect(second).toMatchObject({ kind: 'unit', unit: { timestampMs: 35_000 } });
    // And with the first one before it.
    expect(itemsFrom(5_000, both)[0]).toMatchObject({ kind: 'unit', unit: { timestampMs: 5_000 } });
  });
});

describe('openFlv, of script data', () => {
  it('gives what is no metadata, in its place', () => {
    const cue = Uint8Array.from([2, 0, 10, ...new TextEncoder().encode('onCuePoint'), 5]);
    const tags = [avcHeaderTag, aacHeaderTag, videoFrameTag(0, true), audioFrameTag(20)];
    const both = opened(flvFile([...tags, { typeId: 18, timestampMs: 30, body: cue }, videoFrameTag(40, false)]));
    expect(itemsFrom(0, both)[2]).toEqual({
      kind: 'data',
      message: { name: 'onCuePoint', values: [null], timestampMs: 30 },
    });
  });
});

describe('openFlv, of a tag beyond the bound', () => {
  it('opens, plays up to there and names the place and the bound', () => {
    const before = flvFile([avcHeaderTag, videoFrameTag(0, true)]);
    const large = flvTag(videoFrameTag(40, false, 8_400_000));
    const both = opened(joinedBytes(before, large));
    const cursor = both.file.read(both.media.cursorAt(0));
    expect(both.file.read(cursor.next())).toMatchObject({ kind: 'unit' });
    expect(() => both.file.read(cursor.next())).toThrow(LimitError);
    const again = both.file.read(both.media.cursorAt(0));
    both.file.read(again.next());
    expect(() => both.file.read(again.next())).toThrow(`byte ${before.length}`);
  });
});
