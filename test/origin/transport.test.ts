import { createDecipheriv } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import { KeptHouse, type KeptOrigin } from '../support/kept-origin.ts';
import { LiveOrigin } from '../support/live-origin.ts';
import { samplesOfIsoBoxes, sha256 } from '../support/packaged-media.ts';
import { parsePlaylist, type ParsedPlaylist } from '../support/parsed-playlist.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { audioTrackConfig, videoTrackConfig } from '../support/sample-tracks.ts';
import { audioConfig, audioUnits, interleaved, type VideoRun, videoUnits } from '../support/synthetic-units.ts';
import { adtsFramesOf, nalUnitsOf, readTransport } from '../support/transport-reader.ts';

const videoPid = 0x100;
const audioPid = 0x101;
const metadataPid = 0x102;
const avc = videoTrackConfig('avc');
const both = [avc, audioConfig];

/** Pictures of one NAL unit each, whose sizes differ. */
function pictures(run: VideoRun): AccessUnit[] {
  return videoUnits(run).map((unit, index) => {
    const keyframe = unit.kind === 'video' && unit.keyframe;
    const nalUnit = [keyframe ? 0x65 : 0x41, ...new Uint8Array(200 + ((index * 37) % 500)).fill(1 + (index % 255))];
    return { ...unit, data: Uint8Array.of(0, 0, nalUnit.length >> 8, nalUnit.length & 0xff, ...nalUnit) };
  });
}

const run = (seconds: number, fromMs = 0, video: Partial<VideoRun> = {}) =>
  interleaved(pictures({ fromMs, seconds, ...video }), audioUnits({ fromMs, seconds }));

let origin: LiveOrigin;
beforeEach(async () => {
  origin = await LiveOrigin.start();
});
afterEach(() => origin.close());

async function playlist(name: string, stream = 'test', from = origin): Promise<ParsedPlaylist> {
  const answer = await from.get(`/live/${stream}/${name}`);
  expect(answer.status, name).toBe(200);
  return parsePlaylist(await answer.text());
}

async function bytesAt(path: string, from = origin): Promise<Buffer> {
  const answer = await from.get(`/live/test/${path}`);
  expect(answer.status, path).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

/** What a segment of CMAF holds, and what the one of MPEG-TS does: times in ticks of 90 kHz. */
async function expectSameMedia(transportUri: string, counters: ReadonlyMap<number, number>) {
  const read = readTransport(await bytesAt(transportUri), counters);
  expect(read.findings).toEqual([]);
  const video = samplesOfIsoBoxes(await bytesAt(transportUri.replace('.ts', '.m4s'))).samples;
  const pes = read.pes.get(videoPid) ?? [];
  expect(pes.map(({ ptsTicks, dtsTicks, randomAccess }) => [ptsTicks, dtsTicks, randomAccess])).toEqual(
    video.map(({ ptsTicks, dtsTicks, keyframe }) => [ptsTicks, dtsTicks, keyframe]),
  );
  const seen = pes.map(({ payload }) => {
    const nalUnit = nalUnitsOf(payload).at(-1) ?? Buffer.alloc(0);
    return sha256(Buffer.concat([Buffer.of(0, 0, nalUnit.length >> 8, nalUnit.length & 0xff), nalUnit]));
  });
  expect(seen).toEqual(video.map((sample) => sample.sha256));

  const sound = samplesOfIsoBoxes(await bytesAt(transportUri.replace('video', 'audio').replace('.ts', '.m4s'))).samples;
  const frames = (read.pes.get(audioPid) ?? []).flatMap(({ payload, ptsTicks }) =>
    adtsFramesOf(payload).map((frame, index) => [sha256(frame), Math.round(ptsTicks + (index * 1_024 * 90) / 48)]),
  );
  expect(frames).toEqual(sound.map((sample) => [sample.sha256, Math.round((sample.ptsTicks * 90) / 48)]));
  return read;
}

describe('a live stream as MPEG-TS', () => {
  it('has the numbers, times and access units of its CMAF, and counters that go on', async () => {
    origin.publish('test', both, run(11, 0, { compositionOffsetMs: 3_200 }));
    const cmaf = await playlist('video.m3u8');
    const transport = await playlist('ts.m3u8');
    expect(transport.isPlain).toBe(true);
    expect(transport.targetDurationSeconds).toBe(cmaf.targetDurationSeconds);
    const common = ({
      msn,
      durationSeconds,
      programDateTimeMs,
      discontinuity,
      gap,
    }: ParsedPlaylist['segments'][number]) => ({ msn, durationSeconds, programDateTimeMs, discontinuity, gap });
    expect(transport.segments.map(common)).toEqual(cmaf.segments.map(common));
    expect(transport.segments.length).toBeGreaterThan(4);
    let counters: ReadonlyMap<number, number> = new Map();
    const clocks: number[] = [];
    for (const { uri } of transport.segments) {
      const read = await expectSameMedia(uri, counters);
      ({ counters } = read);
      clocks.push(...read.clocks.map(({ ticks }) => ticks));
    }
    const steps = clocks.slice(1).map((ticks, index) => ticks - (clocks[index] ?? 0));
    expect(Math.min(...steps)).toBeGreaterThan(0);
    expect(Math.max(...steps)).toBeLessThanOrEqual(9_000);
    expect(await playlist('video-ts.m3u8')).toEqual(transport);
  });

  it('has the date ranges of the others', async () => {
    origin.publish('test', both, run(9));
    const startDate = new Date(origin.clock.wallMs()).toISOString();
    const fault = origin.channels.get('live/test')?.packager.metadata.addDateRange({ id: 'break-1', startDate });
    expect(fault).toBeUndefined();
    const { dateRanges } = await playlist('ts.m3u8');
    expect(dateRanges).toHaveLength(1);
    expect(dateRanges).toEqual((await playlist('video.m3u8')).dateRanges);
  });

  it('gives a segment when all of its tracks are complete, and to whoever may keep it for a year', async () => {
    origin.publish('test', both, run(9));
    const { segments } = await playlist('ts.m3u8');
    const { msn = 0, uri = '' } = segments.at(-1) ?? {};
    const answer = await origin.get(`/live/test/${uri}`);
    expect(answer.headers.get('content-type')).toBe('video/mp2t');
    expect(answer.headers.get('cache-control')).toContain('immutable');
    for (const wrong of [
      uri.replace(`${msn}.ts`, `${msn + 1}.ts`),
      uri.replace('e1', 'e2'),
      uri.replace('video', 'no'),
    ]) {
      expect((await origin.get(`/live/test/${wrong}`)).status, wrong).toBe(404);
    }
  });

  it('lists nothing that a sound which is late may still belong to, in any state', () => {
    const published = new PublishedStream();
    published.late.push('audio.m3u8');
    published.start([avc]);
    published.send(pictures({ seconds: 6 }));
    published.stop();
    published.start(both);
    const late = run(8, 6_000).toSorted((a, b) => arrivalMs(a) - arrivalMs(b));
    for (const unit of late) {
      published.stream.push(unit);
      published.record();
      const { window } = published.packager.rendition('audio') ?? {};
      const listed = parsePlaylist(published.transportHistories.get('video')?.at(-1) ?? '').segments.at(-1)?.msn ?? 0;
      if (window !== undefined) expect(listed).toBeLessThan(window.nextPart.msn);
    }
    published.stop();
    published.end();
    expect(published.transportHistories.get('video')?.at(-1)).toContain('#EXT-X-ENDLIST');
  });

  it('says where time does not go on, and goes on with other parameter sets', async () => {
    const stream = origin.publish('test', both, run(7));
    stream.stopPublication();
    origin.clock.advance(4_000);
    stream.startPublication({ peer: '127.0.0.1:6', encoder: 'test', startedWallMs: origin.clock.wallMs() });
    const description = avc.kind === 'video' ? avc.description.slice() : new Uint8Array(0);
    // Another parameter set of the picture: its last byte is one of it.
    description[description.length - 5] = 0x55;
    for (const config of [{ ...avc, description } as TrackConfig, audioConfig]) stream.setTrackConfig(config);
    for (const unit of run(7)) stream.push(unit);
    stream.stopPublication();

    const { segments } = await playlist('ts.m3u8');
    const cmaf = await playlist('video.m3u8');
    expect(segments.map(({ discontinuity }) => discontinuity)).toEqual(
      cmaf.segments.map(({ discontinuity }) => discontinuity),
    );
    const at = segments.findIndex(({ discontinuity }) => discontinuity);
    expect(at).toBeGreaterThan(0);
    const [before, after] = await Promise.all(
      [at - 1, at].map(async (index) => readTransport(await bytesAt(segments[index]?.uri ?? ''))),
    );
    expect(before?.clocks.some(({ discontinuity }) => discontinuity)).toBe(false);
    expect(after?.clocks[0]?.discontinuity).toBe(true);
    expect(after?.programMapVersion).not.toBe(before?.programMapVersion);
    const parameterSet = (read: typeof after) =>
      nalUnitsOf(read?.pes.get(videoPid)?.[0]?.payload ?? Buffer.alloc(0))[2];
    expect(parameterSet(after)).not.toEqual(parameterSet(before));
    for (const { uri } of segments) await expectSameMedia(uri, new Map());
  });

  it('has a gap where there are no pictures, with what sound there is in its file', async () => {
    const stream = origin.publish('test', both, run(7));
    stream.stopPublication();
    stream.startPublication({ peer: '127.0.0.1:6', encoder: 'test', startedWallMs: origin.clock.wallMs() });
    stream.setTrackConfig(audioConfig);
    for (const unit of audioUnits({ seconds: 9 })) stream.push(unit);
    stream.stopPublication();
    const { segments } = await playlist('ts.m3u8');
    const gap = segments.find((segment) => segment.gap);
    const read = readTransport(await bytesAt(gap?.uri ?? 'none'));
    expect(read.findings).toEqual([]);
    expect(read.pes.get(videoPid)).toBeUndefined();
    expect(read.pes.get(audioPid)?.length).toBeGreaterThan(3);
    expect(segments.filter((segment) => segment.gap).length).toBeGreaterThan(1);
  });

  it('is sound alone where there are no pictures, and pictures alone where there is no sound', async () => {
    origin.publish('test', [audioConfig], audioUnits({ seconds: 9 }));
    const heard = await playlist('ts.m3u8');
    const sound = readTransport(await bytesAt(heard.segments[0]?.uri ?? 'none'));
    expect(sound.findings).toEqual([]);
    expect([...sound.streamTypes]).toEqual([
      [audioPid, 0x0f],
      [metadataPid, 0x15],
    ]);
    expect(sound.clockPid).toBe(audioPid);

    origin.publish('silent', [avc], pictures({ seconds: 9 }));
    const seen = await playlist('ts.m3u8', 'silent');
    const answer = await origin.get(`/live/silent/${seen.segments[0]?.uri}`);
    const silent = readTransport(new Uint8Array(await answer.arrayBuffer()));
    expect(silent.findings).toEqual([]);
    expect([...silent.streamTypes]).toEqual([
      [videoPid, 0x1b],
      [metadataPid, 0x15],
    ]);
  });

  it('takes the first sound that can be written', async () => {
    const opus = audioTrackConfig('opus');
    const second = { ...audioConfig, trackId: 1 };
    const units = [
      ...pictures({ seconds: 9 }),
      ...audioUnits({ seconds: 9 }).map((unit) => ({ ...unit, data: Uint8Array.of(0xfc, 1, 2) })),
      ...audioUnits({ seconds: 9 }).map((unit) => ({ ...unit, trackId: 1 })),
    ];
    origin.publish(
      'test',
      [avc, opus, second],
      units.sort((a, b) => a.timestampMs - b.timestampMs),
    );
    const { segments } = await playlist('ts.m3u8');
    const read = readTransport(await bytesAt(segments[0]?.uri ?? 'none'));
    expect([...read.streamTypes.values()]).toEqual([0x1b, 0x0f, 0x15]);
    expect((read.pes.get(audioPid) ?? []).length).toBeGreaterThan(0);
  });

  it.each([
    ['av01.0.00M.08', [videoTrackConfig('av1'), audioConfig]],
    ['Opus', [avc, audioTrackConfig('opus')]],
  ])('is not there for %s, and says so', async (codec, configs) => {
    const { codec: soundCodec } = configs[1] as TrackConfig;
    const units = run(9).map((unit) =>
      unit.kind === 'audio' && soundCodec === 'opus' ? { ...unit, data: Uint8Array.of(0xfc, 1, 2) } : unit,
    );
    origin.publish('test', configs, units);
    for (const name of ['ts.m3u8', 'ts-index.m3u8', 'video-ts.m3u8', 'e1/video/1.ts']) {
      const answer = await origin.get(`/live/test/${name}`);
      expect(answer.status, name).toBe(404);
      expect(await answer.text()).toContain(`there is no ${codec} in MPEG-TS`);
    }
    // Sound that can be written is there for who asks for it.
    expect((await origin.get('/live/test/audio-ts.m3u8')).status).toBe(soundCodec === 'opus' ? 404 : 200);
  });

  it('says in the log which tracks it cannot hold', () => {
    const published = new PublishedStream();
    published.start([videoTrackConfig('vp9'), audioConfig]);
    published.send(run(5));
    expect(published.log.lines.filter(({ message }) => message === 'Stream is not offered as MPEG-TS')).toHaveLength(1);
    published.stop();
  });

  it('is encrypted where the stream is', async () => {
    await using encrypted = await closing({ encryption: [{ stream: 'live/*', method: 'AES-128', rotate: 2 }] });
    origin.publish('test', both, run(9));
    encrypted.origin.publish('test', both, run(9));
    const plain = await playlist('ts.m3u8');
    const { segments } = await playlist('ts.m3u8', 'test', encrypted.origin);
    expect(new Set(segments.map(({ keys }) => keys)).size).toBeGreaterThan(1);
    for (const [index, { uri, keys, msn }] of segments.entries()) {
      const secret = await bytesAt(/URI="([^"]+)"/.exec(keys)?.[1] ?? 'none', encrypted.origin);
      const iv = Buffer.alloc(16);
      iv.writeUInt32BE(msn, 12);
      const decipher = createDecipheriv('aes-128-cbc', secret, iv);
      const media = Buffer.concat([decipher.update(await bytesAt(uri, encrypted.origin)), decipher.final()]);
      expect(media.equals(await bytesAt(plain.segments[index]?.uri ?? 'none'))).toBe(true);
    }
  });

  it('is the same after a restart of the origin, and goes on behind it', async () => {
    await using house = new KeptHouse();
    const before = await house.start();
    before.publish(both);
    before.send(run(9));
    const wanted = transportFiles(before);
    expect(wanted.size).toBeGreaterThan(3);
    await before.written();
    await before.kill();
    const after = await house.start();
    for (const [msn, bytes] of transportFiles(after)) {
      if (wanted.has(msn)) expect(bytes.equals(wanted.get(msn) ?? Buffer.alloc(0)), String(msn)).toBe(true);
    }
    after.publish(both);
    after.send(run(9));
    expect(Math.max(...transportFiles(after).keys())).toBeGreaterThan(Math.max(...wanted.keys()) + 2);
    await after.kill();
  });

  it('can be turned off', async () => {
    await using off = await closing({ mpegTs: false });
    off.origin.publish('test', both, run(9));
    for (const name of ['ts.m3u8', 'ts-index.m3u8', 'e1/video/1.ts']) {
      expect((await off.origin.get(`/live/test/${name}`)).status, name).toBe(404);
    }
  });
});

describe('the multivariant playlist of MPEG-TS', () => {
  it('names every picture that can be had, with bandwidths that its segments keep', async () => {
    const second = { ...avc, trackId: 1 };
    const further = pictures({ seconds: 9 }).map((unit) => ({ ...unit, trackId: 1 }));
    const third = { ...videoTrackConfig('av1'), trackId: 2 };
    const av1 = pictures({ seconds: 9 }).map((unit) => ({ ...unit, trackId: 2 }));
    const units = interleaved(run(9), further, av1);
    origin.publish('test', [avc, second, third, audioConfig], units);
    const answer = await origin.get('/live/test/ts-index.m3u8');
    const text = await answer.text();
    const variants = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(variants).toEqual(['video-ts.m3u8', 'video-1-ts.m3u8']);
    expect(text).toContain('#EXT-X-VERSION:3');
    expect(text).toContain('CODECS="avc1.64000c,mp4a.40.2"');
    const [peak = 0] = [...text.matchAll(/[:,]BANDWIDTH=(\d+)/g)].map((match) => Number(match[1]));
    const [average = 0] = [...text.matchAll(/AVERAGE-BANDWIDTH=(\d+)/g)].map((match) => Number(match[1]));
    const { segments } = await playlist('video-1-ts.m3u8');
    let [bits, seconds] = [0, 0];
    for (const { uri, durationSeconds } of segments) {
      const { length } = await bytesAt(uri);
      expect((length * 8) / durationSeconds).toBeLessThanOrEqual(peak);
      bits += length * 8;
      seconds += durationSeconds;
    }
    expect(bits / seconds).toBeLessThanOrEqual(average);
    // The default one does not mix it with what players switch between.
    expect(await (await origin.get('/live/test/index.m3u8')).text()).not.toContain('-ts.m3u8');
  });

  it('is sound alone where there are no pictures', async () => {
    origin.publish('test', [audioConfig], audioUnits({ seconds: 9 }));
    expect(await (await origin.get('/live/test/ts-index.m3u8')).text()).toMatch(/\naudio-ts\.m3u8\n$/);
  });
});

/** Those that are listed and no gaps, by number. */
function transportFiles({ packager }: KeptOrigin): Map<number, Buffer> {
  const variant = packager?.transport.variant('video') ?? 'nothing is packaged';
  if (typeof variant === 'string') throw new Error(variant);
  const text = packager?.transport.playlist(variant)?.plain.toString() ?? '';
  const listed = parsePlaylist(text).segments.filter(({ gap }) => !gap);
  return new Map(
    listed.map(({ msn }) => [msn, Buffer.from(packager?.transport.segment(variant, msn) ?? new Uint8Array(0))]),
  );
}

/** Sound comes 700 ms after the pictures of its time. */
function arrivalMs({ kind, timestampMs }: AccessUnit): number {
  return timestampMs + (kind === 'audio' ? 700 : 0);
}

async function closing(live: Record<string, unknown>) {
  const started = await LiveOrigin.start({ live });
  return { origin: started, [Symbol.asyncDispose]: () => started.close() };
}
