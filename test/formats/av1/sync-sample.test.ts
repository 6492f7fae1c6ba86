import { describe, expect, it } from 'vitest';
import { isAv1SyncSample, withoutTemporalDelimiter } from '../../../src/formats/av1/sync-sample.ts';
import { FlvTrackReader } from '../../../src/formats/flv/track-reader.ts';
import { enhancedPacket, videoPacket } from '../../support/enhanced-packets.ts';
import { sampleVideos } from '../../support/sample-tracks.ts';

const { keyframe, interFrame, record } = sampleVideos.av1;
const delimiter = Uint8Array.of(0x12, 0);
/** A frame unit of one byte: show_existing_frame, frame_type, show_frame. */
const frame = (bits: number) => Uint8Array.of(0x32, 1, bits);

describe('isAv1SyncSample', () => {
  it.each([
    ['a key frame of libaom', keyframe, true],
    ['an inter frame of libaom', interFrame, false],
    ['a key frame behind a delimiter', Uint8Array.of(...delimiter, ...keyframe), true],
    ['a key frame that is shown later', frame(0b0_00_0_0000), false],
    ['an intra-only frame', frame(0b0_10_1_0000), false],
    ['a frame that is shown again', frame(0b1_00_1_0000), false],
    ['what cannot be read, at its word', Uint8Array.of(0x80), true],
  ])('of %s', (_, data, isSync) => {
    expect(isAv1SyncSample(data)).toBe(isSync);
  });
});

describe('withoutTemporalDelimiter', () => {
  it('takes it away and nothing else', () => {
    expect(withoutTemporalDelimiter(Uint8Array.of(...delimiter, ...keyframe))).toEqual(keyframe);
    expect(withoutTemporalDelimiter(keyframe)).toEqual(keyframe);
    expect(withoutTemporalDelimiter(new Uint8Array(0))).toEqual(new Uint8Array(0));
  });
});

describe('FlvTrackReader, AV1', () => {
  it('gives samples without delimiters, and keyframes that are some', () => {
    const reader = new FlvTrackReader();
    const read = (packetType: number, body: Uint8Array) =>
      reader.readVideo(enhancedPacket({ media: 'video', packetType, tracks: [{ fourCc: 'av01', body }] }), 0);
    read(videoPacket.sequenceStart, record);
    const events = [
      ...read(videoPacket.codedFrames, Uint8Array.of(...delimiter, ...keyframe)),
      ...read(videoPacket.codedFrames, frame(0b0_10_1_0000)),
    ];
    expect(events).toMatchObject([
      { kind: 'unit', unit: { keyframe: true, data: keyframe } },
      { kind: 'unit', unit: { keyframe: false } },
    ]);
  });
});
