import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { avcTrackConfig } from '../../../src/formats/avc/decoder-configuration.ts';
import { hevcTrackConfig } from '../../../src/formats/hevc/decoder-configuration.ts';
import { id3Tag, userTextFrame } from '../../../src/formats/id3/tag.ts';
import type { TrackConfig } from '../../../src/formats/media/track.ts';
import { type ElementaryStream, elementaryStream } from '../../../src/formats/mpegts/elementary-stream.ts';
import {
  type TransportTrack,
  type TransportUnit,
  writeTransportSegment,
} from '../../../src/formats/mpegts/transport-segment.ts';
import { allTrackConfigs, audioTrackConfig, sampleVideos, videoTrackConfig } from '../../support/sample-tracks.ts';
import { run } from '../../support/ffmpeg.ts';
import { adtsFramesOf, nalUnitsOf, readTransport } from '../../support/transport-reader.ts';

const videoPid = 0x100;
const audioPid = 0x101;
const wrap = 2 ** 33;

function streamOf(config: TrackConfig): ElementaryStream {
  const stream = elementaryStream(config);
  if (stream === undefined) throw new Error(`${config.codec} has no elementary stream`);
  return stream;
}

function nalUnit(type: number, length: number, fill: number): Uint8Array {
  return Uint8Array.of(type, ...new Uint8Array(length).fill(1 + (fill % 255)));
}

function lengthPrefixed(units: readonly Uint8Array[]): Uint8Array {
  const bytes = Buffer.concat(
    units.map((unit) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(unit.length);
      return Buffer.concat([length, unit]);
    }),
  );
  return Uint8Array.from(bytes);
}

const picture = fc.record({
  sizes: fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 4 }),
  keyframe: fc.boolean(),
  durationTicks: fc.integer({ min: 1, max: 30_000 }),
  compositionOffsetTicks: fc.integer({ min: -900_000, max: 900_000 }),
});

function pictures(
  described: readonly {
    sizes: readonly number[];
    keyframe: boolean;
    durationTicks: number;
    compositionOffsetTicks: number;
  }[],
  fromTicks: number,
): TransportUnit[] {
  let dtsTicks = fromTicks;
  return described.map(({ sizes, ...rest }, index) => {
    const data = lengthPrefixed(sizes.map((size) => nalUnit(rest.keyframe ? 0x65 : 0x41, size, index)));
    const unit = { ...rest, dtsTicks, data };
    dtsTicks += rest.durationTicks;
    return unit;
  });
}

function frames(sizes: readonly number[], fromTicks: number): TransportUnit[] {
  return sizes.map((size, index) => ({
    dtsTicks: fromTicks + index * 1_024,
    durationTicks: 1_024,
    compositionOffsetTicks: 0,
    keyframe: true,
    data: new Uint8Array(size).fill(index),
  }));
}

/** ffprobe knows the descriptors of timed metadata, and only with them the codec. */
async function probedMetadata(bytes: Uint8Array): Promise<{ codec: string; packets: { pts: number; size: number }[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'streamfront-id3-'));
  try {
    const file = join(folder, 'segment.ts');
    await writeFile(file, bytes);
    const asked = ['-v', 'error', '-select_streams', 'd', '-show_streams', '-show_packets', '-of', 'json', file];
    const probed = JSON.parse((await run('ffprobe', asked)).standardOutput) as {
      streams: { codec_name: string }[];
      packets: { pts: number; size: string }[];
    };
    return {
      codec: probed.streams.map(({ codec_name: name }) => name).join(),
      packets: probed.packets.map(({ pts, size }) => ({ pts, size: Number(size) })),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function video(units: readonly TransportUnit[]): TransportTrack {
  return { stream: streamOf(videoTrackConfig('avc')), timescale: 90_000, units };
}

function sound(units: readonly TransportUnit[]): TransportTrack {
  return { stream: streamOf(audioTrackConfig('aac')), timescale: 48_000, units };
}

function segment(tracks: readonly TransportTrack[], msn = 0, discontinuity = false) {
  return writeTransportSegment({ msn, discontinuity, tracks, version: 1 });
}

const modulo = (ticks: number) => ((ticks % wrap) + wrap) % wrap;

describe('writeTransportSegment', () => {
  it('holds the same access units at the same times as the tracks, whatever their sizes and offsets', () => {
    const fromTicks = fc.constantFrom(0, 123_456, wrap - 100_000, 2 * wrap - 1);
    const described = fc.array(picture, { maxLength: 12 });
    const sizes = fc.array(fc.integer({ min: 1, max: 1_000 }), { maxLength: 40 });
    fc.assert(
      fc.property(described, sizes, fromTicks, (described, sizes, from) => {
        const units = pictures(described, from);
        const soundFrom = Math.round((from * 48) / 90);
        const read = readTransport(segment([video(units), sound(frames(sizes, soundFrom))]));
        expect(read.findings).toEqual([]);
        const pes = read.pes.get(videoPid) ?? [];
        expect(pes.map(({ ptsTicks, randomAccess }) => [ptsTicks, randomAccess])).toEqual(
          units.map(({ dtsTicks, compositionOffsetTicks, keyframe }) => [
            modulo(dtsTicks + compositionOffsetTicks),
            keyframe,
          ]),
        );
        units.forEach(({ dtsTicks, compositionOffsetTicks }, index) => {
          const isLate = compositionOffsetTicks < 0;
          expect([modulo(dtsTicks), ...(isLate ? [pes[index]?.ptsTicks] : [])]).toContain(pes[index]?.dtsTicks);
        });
        const steps = pes.slice(1).map(({ dtsTicks }, index) => modulo(dtsTicks - (pes[index]?.dtsTicks ?? 0)));
        expect(steps.filter((step) => step === 0 || step > wrap / 2)).toEqual([]);
        pes.forEach(({ payload }, index) => {
          const [delimiter, ...others] = nalUnitsOf(payload);
          expect(delimiter).toEqual(Buffer.of(9, 0xf0));
          const keyframe = units[index]?.keyframe === true;
          if (keyframe) expect(others.slice(0, 2).map((unit) => (unit[0] ?? 0) & 0x1f)).toEqual([7, 8]);
          expect(lengthPrefixed(others.slice(keyframe ? 2 : 0))).toEqual(units[index]?.data);
        });
        const heard = (read.pes.get(audioPid) ?? []).flatMap(({ payload }) => adtsFramesOf(payload));
        expect(heard).toEqual(sizes.map((size, index) => new Uint8Array(size).fill(index)));
        let nth = 0;
        for (const { ptsTicks, payload } of read.pes.get(audioPid) ?? []) {
          expect(ptsTicks).toBe(modulo(Math.round(((soundFrom + nth * 1_024) * 90) / 48)));
          nth += adtsFramesOf(payload).length;
        }
      }),
    );
  });

  it('goes on with the counters of the segment before, made in any order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.array(picture, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 900 }))), {
          minLength: 2,
          maxLength: 5,
        }),
        fc.nat({ max: 1_000_000 }),
        (all, firstMsn) => {
          const files = all
            .map(([described, sizes], index) => ({ described, sizes, msn: firstMsn + index }))
            .toReversed()
            .map(({ described, sizes, msn }) => segment([video(pictures(described, 0)), sound(frames(sizes, 0))], msn))
            .toReversed();
          let counters: ReadonlyMap<number, number> = new Map();
          for (const [index, file] of files.entries()) {
            const read = readTransport(file, counters);
            expect(read.findings).toEqual([]);
            if (index > 0) expect(read.counters.get(0)).toBe((firstMsn + index) % 16);
            counters = read.counters;
          }
        },
      ),
    );
  });

  it('decodes a picture no later than it is shown, where that is behind the picture before', () => {
    const shown = (compositionOffsetTicks: number) => ({
      sizes: [9],
      keyframe: false,
      durationTicks: 3_000,
      compositionOffsetTicks,
    });
    const units = pictures([-90, 0, -90, 6_000, -3_000, -3_500].map(shown), 90_000);
    const pes = readTransport(segment([video(units)])).pes.get(videoPid) ?? [];
    expect(pes.map(({ ptsTicks, dtsTicks }) => [ptsTicks, dtsTicks])).toEqual([
      [89_910, 89_910],
      [93_000, 93_000],
      [95_910, 95_910],
      [105_000, 99_000],
      [99_000, 102_000],
      [101_500, 105_000],
    ]);
  });

  it('has a PCR at least every 100 ms, rising, and never later than what is decoded', () => {
    const slow = Array.from({ length: 3 }, (_, index) => ({
      sizes: [5_000],
      keyframe: index === 0,
      durationTicks: 90_000,
      compositionOffsetTicks: 0,
    }));
    const threeSeconds = Array.from({ length: 140 }, () => 300);
    for (const tracks of [
      [video(pictures(slow, 0)), sound(frames(threeSeconds, 0))],
      [video([]), sound(frames(threeSeconds, 9_600))],
      [sound(frames(threeSeconds, 9_600))],
      [video(pictures(slow, wrap - 90_000))],
    ]) {
      const read = readTransport(segment(tracks));
      expect(read.findings).toEqual([]);
      const steps = read.clocks.slice(1).map(({ ticks }, index) => modulo(ticks - (read.clocks[index]?.ticks ?? 0)));
      expect(steps.length).toBeGreaterThan(20);
      expect(Math.max(...steps)).toBeLessThanOrEqual(9_000);
      expect(Math.min(...steps)).toBeGreaterThan(0);
    }
  });

  it('begins with a PCR, and says where time does not go on', () => {
    const tracks = [
      video(pictures([{ sizes: [9], keyframe: true, durationTicks: 1, compositionOffsetTicks: 0 }], 90_000)),
    ];
    const early = [...tracks, sound(frames([100], 47_000))];
    for (const written of [tracks, early]) {
      const read = readTransport(segment(written, 3, true));
      expect(read.clocks[0]?.discontinuity).toBe(true);
      expect(read.clocks.slice(1).every(({ discontinuity }) => !discontinuity)).toBe(true);
      expect(modulo((read.pes.get(videoPid)?.[0]?.dtsTicks ?? 0) - (read.clocks[0]?.ticks ?? 0))).toBeGreaterThan(0);
    }
  });

  it('leaves out what no decoder could read, and keeps the rest', () => {
    const good = pictures([{ sizes: [9], keyframe: true, durationTicks: 1, compositionOffsetTicks: 0 }], 0);
    const broken = { ...good[0], data: Uint8Array.of(0, 0, 9, 9, 1) } as TransportUnit;
    const huge = { ...frames([1], 0)[0], data: new Uint8Array(9_000) } as TransportUnit;
    const read = readTransport(segment([video([broken, ...good]), sound([huge, ...frames([7], 0)])]));
    expect(read.findings).toEqual([]);
    expect(read.pes.get(videoPid)).toHaveLength(1);
    expect(read.pes.get(audioPid)).toHaveLength(1);
  });

  it('announces tracks of which it has nothing', () => {
    const read = readTransport(segment([video([]), sound([])], 17));
    expect(read.findings).toEqual([]);
    expect([...read.streamTypes.keys()]).toEqual([videoPid, audioPid]);
    expect(read.counters.get(0)).toBe(1);
  });
});

describe('elementaryStream', () => {
  it('knows the codecs that transport streams of HLS hold, and no other', () => {
    const known = allTrackConfigs().filter((config) => elementaryStream(config) !== undefined);
    expect(known.map(({ codec }) => codec).sort()).toEqual(['aac', 'ac3', 'avc', 'eac3', 'hevc', 'mp3']);
  });

  it('has no form for a configuration that cannot be read', () => {
    const avc = videoTrackConfig('avc');
    if (avc.codec !== 'avc') throw new Error('no AVC');
    expect(elementaryStream({ ...avc, description: avc.description.subarray(0, 9) })).toBeUndefined();
  });

  it('writes AVC whose lengths have one byte or two, and replaces delimiters of the encoder', () => {
    for (const lengthBytes of [1, 2] as const) {
      const record = sampleVideos.avc.record.slice();
      record[4] = 0xfc | (lengthBytes - 1);
      const { write } = streamOf(avcTrackConfig(record));
      const length = [...new Uint8Array(lengthBytes - 1), 2];
      const data = Uint8Array.of(...length, 9, 0x10, ...length, 0x41, 7);
      expect(nalUnitsOf(Buffer.concat(write(data, false)))).toEqual([Buffer.of(9, 0xf0), Buffer.of(0x41, 7)]);
    }
  });

  it('writes HEVC behind a delimiter, and the parameter sets before keyframes', () => {
    const { keyframe, interFrame, record } = sampleVideos.hevc;
    const { write } = streamOf(hevcTrackConfig(record));
    const types = (data: Uint8Array, isKeyframe: boolean) =>
      nalUnitsOf(Buffer.concat(write(data, isKeyframe))).map((unit) => (unit[0] ?? 0) >> 1);
    expect(types(keyframe, true).slice(0, 4)).toEqual([35, 32, 33, 34]);
    expect(types(interFrame, false)[0]).toBe(35);
    expect(types(interFrame, false)).toHaveLength(2);
    const doubled = Uint8Array.of(0, 0, 0, 3, 0x46, 1, 0x30, ...interFrame);
    expect(types(doubled, false)).toHaveLength(2);
  });

  it('has no form for AAC that ADTS headers cannot describe', () => {
    const aac = audioTrackConfig('aac');
    if (aac.codec !== 'aac') throw new Error('no AAC');
    // 48 kHz, mono, frames of 960 samples; then a sampling frequency that is written out; then eight channels.
    for (const description of [
      Uint8Array.of(0x11, 0x8c),
      Uint8Array.of(0x17, 0x80, 0x5d, 0xc0, 0x88),
      Uint8Array.of(0x11, 0xf0),
    ]) {
      expect(elementaryStream({ ...aac, description })).toBeUndefined();
    }
  });
});

describe('timed metadata in a transport stream', () => {
  const tag = (bytes: number) => id3Tag([userTextFrame('x', 'a'.repeat(bytes))]);
  const units = pictures(
    Array.from({ length: 50 }, (_, index) => ({
      sizes: [100],
      keyframe: index === 0,
      durationTicks: 3_600,
      compositionOffsetTicks: 0,
    })),
    900_000,
  );

  it('is found by ffprobe as ID3 at its times, whatever its length', async () => {
    const tags = [tag(0), tag(150), tag(5_000), tag(60_000)];
    const metadata = tags.map((bytes, index) => ({ ptsTicks: 903_000 + index * 9_001, tag: bytes }));
    const bytes = writeTransportSegment({ msn: 0, discontinuity: false, version: 0, tracks: [video(units)], metadata });
    const read = readTransport(bytes);
    expect(read.findings).toEqual([]);
    expect((read.pes.get(0x102) ?? []).map(({ payload }) => Buffer.from(payload))).toEqual(
      tags.map((wanted) => Buffer.from(wanted)),
    );
    expect((read.packetCounts.get(0x102) ?? 0) % 16).toBe(0);
    const probed = await probedMetadata(bytes);
    expect(probed.codec).toBe('timed_id3');
    // ffmpeg takes five bytes of whatever has this stream type for the head of an access unit cell, which ID3 has not.
    expect(probed.packets).toEqual(
      metadata.map(({ ptsTicks, tag: { length } }) => ({ pts: ptsTicks, size: length - 5 })),
    );
  });

  it('is left out where it is longer than a PES packet can say', () => {
    const metadata = [{ ptsTicks: 903_000, tag: tag(65_100) }];
    const bytes = writeTransportSegment({ msn: 0, discontinuity: false, version: 0, tracks: [video(units)], metadata });
    const read = readTransport(bytes);
    expect(read.findings).toEqual([]);
    expect(read.pes.has(0x102)).toBe(false);
  });
});
