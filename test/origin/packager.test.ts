import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input, type InputTrack } from 'mediabunny';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { Rendition } from '../../src/origin/rendition.ts';
import { type EncodedMedia, encodeClip } from '../support/encoded-media.ts';
import { isoBoxes, oneBox } from '../support/iso-boxes.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

function allParts({ window }: Rendition): Uint8Array<ArrayBuffer>[] {
  return window.segments.flatMap(({ parts }) => parts.map(({ bytes }) => bytes));
}

function renditionOf(published: PublishedStream, kind: 'video' | 'audio'): Rendition {
  const rendition = published.packager.rendition(kind);
  if (rendition === undefined) throw new Error(`there is no ${kind}`);
  return rendition;
}

describe('Packager, what independent readers find in its media', () => {
  let media: EncodedMedia;
  let published: PublishedStream;
  beforeAll(async () => {
    media = await encodeClip(9);
    published = new PublishedStream();
    published.start(media.configs);
    published.send(media.units);
    published.stop();
    published.end();
  });

  const sourceOf = (kind: 'video' | 'audio') => media.units.filter((unit) => unit.kind === kind);

  it.each(['video', 'audio'] as const)('%s: every tfdt is the end of the part before it', (kind) => {
    const parts = allParts(renditionOf(published, kind)).map(isoBoxes);
    expect(parts.length).toBeGreaterThan(20);
    let end: number | undefined;
    parts.forEach((boxes, index) => {
      const decodeTime = oneBox(boxes, 'tfdt').baseMediaDecodeTime;
      expect(decodeTime).toBe(end ?? decodeTime);
      end = oneBox(boxes, 'trun').samples.reduce((sum, sample) => sum + (sample.sampleDuration ?? 0), decodeTime);
      expect(oneBox(boxes, 'mfhd').sequenceNumber).toBe(index + 1);
    });
  });

  it.each(['video', 'audio'] as const)(
    '%s: sizes, sync flags and composition offsets are those of the source',
    (kind) => {
      const samples = allParts(renditionOf(published, kind)).flatMap(
        (bytes) => oneBox(isoBoxes(bytes), 'trun').samples,
      );
      expect(samples.map(({ sampleSize }) => sampleSize)).toEqual(sourceOf(kind).map(({ data }) => data.length));
      expect(samples.map(({ sampleFlags }) => ((sampleFlags ?? 0) & 0x1_0000) === 0)).toEqual(
        sourceOf(kind).map((unit) => unit.kind === 'audio' || unit.keyframe),
      );
      expect(samples.map((sample) => (sample.sampleCompositionTimeOffset ?? 0) | 0)).toEqual(
        sourceOf(kind).map((unit) => (unit.kind === 'video' ? unit.compositionOffsetMs * 90 : 0)),
      );
    },
  );

  it('video: durations are the distances of the source; audio: every frame lasts 1,024 samples', () => {
    const durations = (kind: 'video' | 'audio') =>
      allParts(renditionOf(published, kind)).flatMap((bytes) =>
        oneBox(isoBoxes(bytes), 'trun').samples.map(({ sampleDuration }) => sampleDuration),
      );
    const starts = sourceOf('video').map(({ timestampMs }) => timestampMs);
    expect(durations('video').slice(0, -1)).toEqual(
      starts.slice(1).map((ms, index) => (ms - (starts[index] ?? 0)) * 90),
    );
    expect(new Set(durations('audio'))).toEqual(new Set([1_024]));
  });

  it.each(['video', 'audio'] as const)('%s: mediabunny reads the same packets at the same times', async (kind) => {
    const rendition = renditionOf(published, kind);
    const pieces = [rendition.init(0) ?? new Uint8Array(0), ...allParts(rendition)];
    const input = new Input({ source: new BufferSource(Buffer.concat(pieces)), formats: ALL_FORMATS });
    const track: InputTrack | null =
      kind === 'video' ? await input.getPrimaryVideoTrack() : await input.getPrimaryAudioTrack();
    if (track === null) throw new Error('mediabunny finds no track');
    expect(await track.getCodecParameterString()).toBe(rendition.config.codecString);
    const packets: { data: Uint8Array; timestamp: number; type: string }[] = [];
    for await (const packet of new EncodedPacketSink(track).packets()) packets.push(packet);
    const source = sourceOf(kind);
    expect(packets.map(({ data }) => Buffer.from(data).toString('base64'))).toEqual(
      source.map(({ data }) => Buffer.from(data).toString('base64')),
    );
    const presentationMs = (unit: AccessUnit | undefined) =>
      (unit?.timestampMs ?? 0) + (unit?.kind === 'video' ? unit.compositionOffsetMs : 0);
    const toleranceMs = kind === 'video' ? 0.01 : 1.5;
    packets.forEach((packet, index) => {
      const expectedMs = 10_000 - (sourceOf('video')[0]?.timestampMs ?? 0) + presentationMs(source[index]);
      expect(Math.abs(packet.timestamp * 1_000 - expectedMs)).toBeLessThan(toleranceMs);
    });
  });
});

describe('Packager, playlists that keep every rule', () => {
  const aac = (sampleRate: number, samplesPerFrame = 1_024) => ({ ...audioConfig, sampleRate, samplesPerFrame });

  it.each([
    { name: '30 pictures a second, AAC at 48 kHz' },
    { name: '25 pictures a second, AAC at 44.1 kHz', framesPerSecond: 25, gop: 50, audio: aac(44_100) },
    { name: '60 pictures a second', framesPerSecond: 60, gop: 120 },
    { name: '59.94 pictures a second, a keyframe every second', framesPerSecond: 59.94, gop: 60 },
    { name: '23.976 pictures a second', framesPerSecond: 23.976, gop: 48 },
    { name: '10 pictures a second', framesPerSecond: 10, gop: 20 },
    { name: '5 pictures a second', framesPerSecond: 5, gop: 10 },
    { name: 'one picture a second', framesPerSecond: 1, gop: 2 },
    { name: 'AAC at 8 kHz', audio: aac(8_000) },
    { name: 'HE-AAC at 44.1 kHz', audio: aac(44_100, 2_048) },
    { name: 'a keyframe every 0.7 s', gop: 21 },
    { name: 'a keyframe every 1.5 s', gop: 45 },
    { name: "x264's default: a keyframe every 8.3 s", gop: 250 },
    { name: 'one keyframe in half a minute', gop: 900 },
    { name: 'only keyframes', gop: 1 },
    { name: 'a jittering clock', jitterMs: 1 },
  ])('$name', ({ framesPerSecond = 30, gop = 60, audio = audioConfig, jitterMs = 0 }) => {
    const published = new PublishedStream({ window: '20s' });
    for (const fromMs of [0, 123_456]) {
      published.start([videoConfig, audio]);
      const units = interleaved(
        videoUnits({ fromMs, seconds: 34, framesPerSecond, gop }),
        audioUnits({ fromMs, seconds: 34, config: audio }),
      );
      published.send(
        units.map((unit, index) => ({ ...unit, timestampMs: unit.timestampMs + (index % 2 === 0 ? jitterMs : 0) })),
      );
      published.stop();
      published.clock.advance(5_000);
    }
    published.end();
    expect(published.findings).toEqual([]);
    const states = published.histories.get('video.m3u8') ?? [];
    expect(states.some((text) => text.includes('#EXT-X-DISCONTINUITY\n'))).toBe(true);
    expect([...published.histories.keys()].sort()).toEqual(['audio.m3u8', 'video.m3u8']);
  });

  it.each([
    ['video', videoConfig, videoUnits({ seconds: 40 })],
    ['audio', audioConfig, audioUnits({ seconds: 40 })],
  ] as const)('%s alone', (kind, config, units) => {
    const published = new PublishedStream();
    published.start([config]);
    published.send(units);
    published.stop();
    published.end();
    expect(published.findings).toEqual([]);
    expect([...published.histories.keys()]).toEqual([`${kind}.m3u8`]);
    const multivariant = published.packager.multivariantPlaylist()?.plain.toString();
    expect(multivariant).toMatch(new RegExp(`CODECS="${config.codecString}".*\n${kind}\\.m3u8\n`));
    expect(multivariant).not.toContain('EXT-X-MEDIA');
  });
});

describe('Packager, what it learns before the first playlist', () => {
  const publish = (video: Parameters<typeof videoUnits>[0], live = {}) => {
    const published = new PublishedStream(live);
    published.start([videoConfig, audioConfig]);
    published.send(interleaved(videoUnits(video), audioUnits({ seconds: video.seconds })));
    return published;
  };

  it('has a playlist when the first segment has closed, not before', () => {
    expect(publish({ seconds: 1.9 }).packager.isPlayable).toBe(false);
    expect(publish({ seconds: 2.1 }).packager.isPlayable).toBe(true);
  });

  it('has one after ten seconds without a second keyframe', () => {
    expect(publish({ seconds: 9.9, gop: 10_000 }).packager.isPlayable).toBe(false);
    const { packager } = publish({ seconds: 11, gop: 10_000 });
    expect(packager.targets?.targetDurationSeconds).toBe(10);
  });

  it('has one when a publisher leaves who was there for half a second', () => {
    const published = publish({ seconds: 0.5 });
    published.stop();
    expect(published.packager.isPlayable).toBe(true);
    expect(published.playlist('video.m3u8')).toContain('#EXTINF:0.5');
  });

  it.each([
    ['a keyframe every two seconds', { seconds: 12 }, {}, 2, 350],
    ['a keyframe every 4 s', { seconds: 12, gop: 120 }, {}, 4, 350],
    ['segments of six seconds', { seconds: 16 }, { segment: '6s' }, 6, 350],
    ['parts of 500 ms', { seconds: 12 }, { part: '500ms' }, 2, 500],
    ['5 pictures a second', { seconds: 12, framesPerSecond: 5, gop: 10 }, {}, 2, 400],
  ])('%s', (_name, video, live, targetDurationSeconds, partTargetMs) => {
    expect(publish(video, live).packager.targets).toMatchObject({ targetDurationSeconds, partTargetMs });
  });

  it('measures the bitrates that the multivariant playlist states', () => {
    const published = publish({ seconds: 20, bytes: 10_000 });
    const text = published.packager.multivariantPlaylist()?.plain.toString() ?? '';
    const stated = Number(/[:,]BANDWIDTH=(\d+)/.exec(text)?.[1]);
    expect(stated).toBeGreaterThan(10_000 * 30 * 8);
    expect(stated).toBeLessThan(10_000 * 30 * 8 * 1.02);
    expect(text).toContain('RESOLUTION=1280x720,FRAME-RATE=30,AUDIO="audio"');
  });
});

describe('Packager, publishers that leave and return', () => {
  const run = interleaved(videoUnits({ seconds: 6.5 }), audioUnits({ seconds: 6.5 }));

  it('ends what is open at once, and has no hint while nobody publishes', () => {
    const published = new PublishedStream();
    published.start([videoConfig, audioConfig]);
    published.send(run);
    expect(published.playlist('video.m3u8')).toContain('PRELOAD-HINT');
    published.stop();
    const text = published.playlist('video.m3u8');
    expect(text).toContain('#EXTINF:0.50100,\ne1/video/4.m4s\n#EXT-X-RENDITION-REPORT');
    expect(text).not.toContain('PRELOAD-HINT');
    expect(text).not.toContain('ENDLIST');
  });

  it('counts on behind a discontinuity whose date is that of the wall clock', () => {
    const published = new PublishedStream();
    const startMs = published.clock.wallMs();
    published.start([videoConfig, audioConfig]);
    published.send(run);
    published.stop();
    published.clock.advance(5_000);
    const returnMs = published.clock.wallMs();
    published.start([videoConfig, audioConfig]);
    published.send(run);
    for (const name of ['video.m3u8', 'audio.m3u8']) {
      const text = published.playlist(name);
      const dates = [...text.matchAll(/#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="[^"]*init-0.mp4"\n.*DATE-TIME:(.*)\n/g)];
      expect(dates).toHaveLength(1);
      expect(Math.abs(Date.parse(dates[0]?.[1] ?? '') - returnMs)).toBeLessThan(60);
      expect(text).toContain('#EXT-X-MEDIA-SEQUENCE:1\n');
      expect(text).toMatch(/7\.m4s/);
    }
    expect(returnMs - startMs).toBeGreaterThan(11_000);
    expect(published.findings).toEqual([]);
  });

  it('has a new initialisation segment for a new configuration, and keeps the old one while it is needed', () => {
    const published = new PublishedStream({ window: '8s' });
    published.start([videoConfig, audioConfig]);
    published.send(run);
    published.stop();
    published.start([{ ...videoConfig, description: Uint8Array.of(1, 2, 3), width: 640 }, audioConfig]);
    published.send(run);
    const video = renditionOf(published, 'video');
    expect(published.playlist('video.m3u8')).toContain('#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="e1/video/init-1.mp4"');
    expect(published.playlist('audio.m3u8')).toContain('#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="e1/audio/init-0.mp4"');
    expect(video.init(0)).toBeDefined();
    expect(Buffer.from(video.init(1) ?? []).includes(Buffer.from([1, 2, 3]))).toBe(true);
    published.send(interleaved(videoUnits({ fromMs: 6_500, seconds: 20 }), audioUnits({ fromMs: 6_507, seconds: 20 })));
    expect(video.init(0)).toBeUndefined();
    expect(video.init(1)).toBeDefined();
    expect(published.findings).toEqual([]);
  });

  it('has gaps for pictures when the publisher comes back without them, and keeps both playlists going', () => {
    const published = new PublishedStream();
    published.start([videoConfig, audioConfig]);
    published.send(run);
    published.stop();
    published.start([audioConfig]);
    published.send(audioUnits({ seconds: 9 }));
    published.stop();
    expect(published.playlist('video.m3u8')).toContain('#EXT-X-GAP\n');
    expect(published.findings).toEqual([]);
  });

  it('keeps memory flat, in the window and beside it', () => {
    const published = new PublishedStream({ window: '10s' });
    published.start([videoConfig, audioConfig]);
    const sizes: number[] = [];
    for (let minute = 0; minute < 10; minute++) {
      published.send(
        interleaved(
          videoUnits({ fromMs: minute * 60_000, seconds: 60, bytes: 1_000 }),
          audioUnits({ fromMs: minute * 60_000, seconds: 60 }),
        ),
      );
      sizes.push(renditionOf(published, 'video').window.byteLength);
    }
    // Ten seconds listed, eight more that still answer, and up to two segments under way.
    for (const size of sizes) expect(size).toBeLessThan(23 * 30 * 1_100);
  });
});
