import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { type FlvTrackEvent, FlvTrackReader } from '../../../src/formats/flv/track-reader.ts';
import { audioPacket, enhancedPacket, videoPacket, withCompositionOffset } from '../../support/enhanced-packets.ts';
import { sampleAudios, type SampleVideo, sampleVideos } from '../../support/sample-tracks.ts';

const videos = Object.values(sampleVideos);
const audios = Object.values(sampleAudios);

const header = (sample: SampleVideo, trackId = 0, record = sample.record) =>
  enhancedPacket({
    media: 'video',
    packetType: videoPacket.sequenceStart,
    multitrack: 'one-track',
    tracks: [{ fourCc: sample.fourCc, trackId, body: record }],
  });

const frame = (sample: SampleVideo, data: Uint8Array, trackId = 0) =>
  enhancedPacket({
    media: 'video',
    packetType: videoPacket.codedFramesX,
    frameType: data === sample.interFrame ? 2 : 1,
    multitrack: 'one-track',
    tracks: [{ fourCc: sample.fourCc, trackId, body: data }],
  });

const audioPacketOf = (packetType: number, fourCc: string, body: Uint8Array, trackId = 0) =>
  enhancedPacket({ media: 'audio', packetType, multitrack: 'one-track', tracks: [{ fourCc, trackId, body }] });

const configs = (events: readonly FlvTrackEvent[]) =>
  events.flatMap((event) => (event.kind === 'config' ? [event.config] : []));
const units = (events: readonly FlvTrackEvent[]) =>
  events.flatMap((event) => (event.kind === 'unit' ? [event.unit] : []));

describe('FlvTrackReader, video', () => {
  it.each(videos.map((sample) => [sample.codec, sample] as const))(
    'tells the configuration of %s before its first frame, once',
    (codec, sample) => {
      const reader = new FlvTrackReader();
      const { keyframe, interFrame, codecString, width, height } = sample;
      const events = [
        header(sample, 3),
        frame(sample, keyframe, 3),
        frame(sample, interFrame, 3),
        header(sample, 3),
        frame(sample, interFrame, 3),
      ].flatMap((payload, index) => reader.readVideo(payload, index * 40));
      expect(events.map(({ kind }) => kind)).toEqual(['config', 'unit', 'unit', 'unit']);
      expect(configs(events)).toMatchObject([
        { kind: 'video', codec, trackId: 3, codecString, width, height, description: sample.record },
      ]);
      expect(units(events)).toEqual(
        [
          [40, true, keyframe],
          [80, false, interFrame],
          [160, false, interFrame],
        ].map(([timestampMs, isKey, data]) => ({
          kind: 'video',
          trackId: 3,
          timestampMs,
          keyframe: isKey,
          compositionOffsetMs: 0,
          data,
        })),
      );
    },
  );

  it('waits for a keyframe where the record does not hold the size', () => {
    for (const sample of [sampleVideos.vp9, sampleVideos.vp8]) {
      const reader = new FlvTrackReader();
      const dropped = { kind: 'dropped', media: 'video', trackId: 0, reason: 'unconfigured' };
      expect(reader.readVideo(header(sample), 0)).toEqual([]);
      expect(reader.readVideo(frame(sample, sample.interFrame), 0)).toEqual([dropped]);
      expect(reader.readVideo(frame(sample, sample.keyframe), 0).map(({ kind }) => kind)).toEqual(['config', 'unit']);
    }
    const { av1 } = sampleVideos;
    const reader = new FlvTrackReader();
    // Without the sequence header in it.
    expect(reader.readVideo(header(av1, 0, av1.record.subarray(0, 4)), 0)).toEqual([]);
    const events = reader.readVideo(frame(av1, av1.keyframe), 0);
    // What players are given holds it.
    expect(configs(events)).toMatchObject([{ codec: 'av1', width: 64, height: 48, description: av1.record }]);
    expect(units(events)).toHaveLength(1);
  });

  it('notices that a VP9 keyframe has another size', () => {
    const { vp9 } = sampleVideos;
    const reader = new FlvTrackReader();
    const wider = vp9.keyframe.slice();
    // 64 − 1 stands from the 37th bit on.
    expect([wider[4], wider[5], wider[6]]).toEqual([0x00, 0x03, 0xf0]);
    wider[5] = 0x07;
    const events = [header(vp9), frame(vp9, vp9.keyframe), frame(vp9, vp9.keyframe), frame(vp9, wider)].flatMap(
      (payload) => reader.readVideo(payload, 0),
    );
    expect(configs(events)).toMatchObject([{ width: 64 }, { width: 128, height: 48 }]);
    expect(events.map(({ kind }) => kind)).toEqual(['config', 'unit', 'unit', 'config', 'unit']);
  });

  it('follows a change of codec; what is left of the old one is dropped', () => {
    const { avc, hevc } = sampleVideos;
    const reader = new FlvTrackReader();
    const events = [
      header(avc),
      frame(avc, avc.keyframe),
      header(hevc),
      frame(avc, avc.interFrame),
      frame(hevc, hevc.keyframe),
      header(avc),
      frame(avc, avc.keyframe),
    ].flatMap((payload) => reader.readVideo(payload, 0));
    expect(configs(events).map(({ codec }) => codec)).toEqual(['avc', 'hevc', 'avc']);
    expect(events.map(({ kind }) => kind)).toEqual(['config', 'unit', 'config', 'dropped', 'unit', 'config', 'unit']);
  });

  it('reads many tracks of several codecs in one message', () => {
    const reader = new FlvTrackReader();
    const { avc, av1 } = sampleVideos;
    const tracks = [avc, av1, avc].map((sample, trackId) => ({ sample, trackId }));
    const message = (packetType: number, bodyOf: (sample: SampleVideo) => Uint8Array) =>
      enhancedPacket({
        media: 'video',
        packetType,
        multitrack: 'many-tracks-many-codecs',
        tracks: tracks.map(({ sample, trackId }) => ({ fourCc: sample.fourCc, trackId, body: bodyOf(sample) })),
      });
    const started = reader.readVideo(
      message(videoPacket.sequenceStart, ({ record }) => record),
      0,
    );
    expect(configs(started).map(({ codec, trackId }) => [codec, trackId])).toEqual([
      ['avc', 0],
      ['av1', 1],
      ['avc', 2],
    ]);
    const coded = reader.readVideo(
      message(videoPacket.codedFrames, ({ codec, keyframe }) =>
        codec === 'avc' ? withCompositionOffset(80, keyframe) : keyframe,
      ),
      7_000,
    );
    expect(units(coded)).toMatchObject(
      tracks.map(({ sample, trackId }) => ({
        trackId,
        timestampMs: 7_000,
        compositionOffsetMs: sample.codec === 'avc' ? 80 : 0,
        data: sample.keyframe,
      })),
    );
  });

  it('takes a bounded number of tracks of each kind', () => {
    const reader = new FlvTrackReader(3);
    const { avc } = sampleVideos;
    const { mp3, opus } = sampleAudios;
    const video = Array.from({ length: 5 }, (_, trackId) => reader.readVideo(header(avc, trackId), 0)).flat();
    expect(video.map(({ kind }) => kind)).toEqual(['config', 'config', 'config', 'dropped', 'dropped']);
    expect(video[3]).toEqual({ kind: 'dropped', media: 'video', trackId: 3, reason: 'too-many-tracks' });
    const audio = [0, 1, 2, 3, 0].flatMap((trackId, index) =>
      index % 2 === 0
        ? reader.readAudio(audioPacketOf(audioPacket.codedFrames, mp3.fourCc, mp3.frame, trackId), 0)
        : reader.readAudio(audioPacketOf(audioPacket.sequenceStart, opus.fourCc, opus.record, trackId), 0),
    );
    expect(audio.map(({ kind }) => kind)).toEqual(['config', 'unit', 'config', 'config', 'unit', 'dropped', 'unit']);
  });
});

describe('FlvTrackReader, audio', () => {
  it.each(audios.map((sample) => [sample.codec, sample] as const))(
    'tells the configuration of %s before its first frame, once',
    (codec, { fourCc, record, frame: data, codecString, sampleRate, channels }) => {
      const reader = new FlvTrackReader();
      const events = [
        audioPacketOf(audioPacket.sequenceStart, fourCc, record, 1),
        audioPacketOf(audioPacket.codedFrames, fourCc, data, 1),
        audioPacketOf(audioPacket.codedFrames, fourCc, data, 1),
      ].flatMap((payload, index) => reader.readAudio(payload, index * 20));
      expect(configs(events)).toMatchObject([{ kind: 'audio', codec, trackId: 1, codecString, sampleRate, channels }]);
      expect(units(events)).toEqual([20, 40].map((timestampMs) => ({ kind: 'audio', trackId: 1, timestampMs, data })));
      expect(events[0]?.kind).toBe('config');
    },
  );

  it('follows frames that say another rate, and does not end at one that is broken', () => {
    const { mp3 } = sampleAudios;
    const reader = new FlvTrackReader();
    const at44100 = mp3.frame.slice();
    at44100[2] = 0x50;
    const broken = Uint8Array.of(1, 2, 3);
    const events = [mp3.frame, at44100, broken, at44100].flatMap((data) =>
      reader.readAudio(audioPacketOf(audioPacket.codedFrames, mp3.fourCc, data), 0),
    );
    expect(configs(events)).toMatchObject([{ sampleRate: 48_000 }, { sampleRate: 44_100 }]);
    expect(units(events)).toHaveLength(4);
    const first = () => new FlvTrackReader().readAudio(audioPacketOf(audioPacket.codedFrames, mp3.fourCc, broken), 0);
    expect(first).toThrow(ProtocolError);
  });

  it('takes Opus that begins with an empty header for stereo', () => {
    const { opus } = sampleAudios;
    const reader = new FlvTrackReader();
    const events = reader.readAudio(audioPacketOf(audioPacket.sequenceStart, opus.fourCc, new Uint8Array(0)), 0);
    expect(configs(events)).toMatchObject([{ codec: 'opus', channels: 2, sampleRate: 48_000 }]);
  });

  it('drops AAC, Opus and FLAC without a header', () => {
    for (const { fourCc, frame: data } of [sampleAudios.aac, sampleAudios.opus, sampleAudios.flac]) {
      const events = new FlvTrackReader().readAudio(audioPacketOf(audioPacket.codedFrames, fourCc, data), 0);
      expect(events).toEqual([{ kind: 'dropped', media: 'audio', trackId: 0, reason: 'unconfigured' }]);
    }
  });
});

describe('FlvTrackReader, fed with what is broken', () => {
  it('throws nothing but ProtocolError for every truncation of every configuration', () => {
    for (const sample of videos) {
      for (let length = 1; length < sample.record.length; length++) {
        const payload = header(sample, 0, sample.record.subarray(0, length));
        onlyProtocolErrors(() => new FlvTrackReader().readVideo(payload, 0));
      }
    }
    for (const { fourCc, record } of audios) {
      for (let length = 1; length < record.length; length++) {
        const payload = audioPacketOf(audioPacket.sequenceStart, fourCc, record.subarray(0, length));
        onlyProtocolErrors(() => new FlvTrackReader().readAudio(payload, 0));
      }
    }
  });

  it('throws nothing but ProtocolError for configurations and frames with bytes changed', () => {
    const change = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const changed = (bytes: Uint8Array, changes: readonly (readonly [number, number])[]) => {
      const copy = bytes.slice();
      for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
      return copy;
    };
    fc.assert(
      fc.property(fc.constantFrom(...videos), change, change, (sample, inRecord, inFrame) => {
        const reader = new FlvTrackReader();
        onlyProtocolErrors(() => reader.readVideo(header(sample, 0, changed(sample.record, inRecord)), 0));
        onlyProtocolErrors(() => reader.readVideo(frame(sample, changed(sample.keyframe, inFrame)), 0));
      }),
      { numRuns: 3_000 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...audios), change, change, (sample, inRecord, inFrame) => {
        const reader = new FlvTrackReader();
        const record = changed(sample.record, inRecord);
        const data = changed(sample.frame, inFrame);
        onlyProtocolErrors(() => reader.readAudio(audioPacketOf(audioPacket.sequenceStart, sample.fourCc, record), 0));
        onlyProtocolErrors(() => reader.readAudio(audioPacketOf(audioPacket.codedFrames, sample.fourCc, data), 0));
      }),
      { numRuns: 3_000 },
    );
  });
});

function onlyProtocolErrors(read: () => readonly FlvTrackEvent[]): void {
  try {
    for (const event of read()) {
      if (event.kind !== 'config' || event.config.kind !== 'video') continue;
      expect(event.config.width).toBeGreaterThan(0);
      expect(event.config.height).toBeGreaterThan(0);
    }
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
  }
}
