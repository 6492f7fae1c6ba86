import { describe, expect, it } from 'vitest';
import { propertiesOf } from '../../../src/formats/amf0/value.ts';
import { fileMetadata } from '../../../src/formats/flv/file-metadata.ts';
import { aac, avc } from '../../rtmp/sample-media.ts';

const keyframes = (count: number) => ({
  timesMs: Float64Array.from({ length: count }, (_, index) => index * 2_000),
  offsets: Float64Array.from({ length: count }, (_, index) => 1_000 + index * 10_000),
});

describe('fileMetadata', () => {
  it('says what players and tools look for', () => {
    const metadata = fileMetadata({
      durationMs: 4_500,
      lengthBytes: 123_456,
      trackConfigs: [{ ...avc, framesPerSecond: 25 }, { ...avc, trackId: 1, width: 640 }, aac],
      framesPerSecond: 24.9,
      keyframes: keyframes(2),
    });
    const { keyframes: table, ...facts } = Object.fromEntries(metadata.properties);
    expect(facts).toEqual({
      duration: 4.5,
      filesize: 123_456,
      canSeekToEnd: true,
      hasVideo: true,
      hasAudio: true,
      hasKeyframes: true,
      width: 320,
      height: 180,
      framerate: 25,
      videocodecid: 7,
      audiosamplerate: 48_000,
      audiochannels: 1,
      stereo: false,
      audiocodecid: 10,
    });
    expect(propertiesOf(table)?.get('times')).toEqual([0, 2]);
    expect(propertiesOf(table)?.get('filepositions')).toEqual([1_000, 11_000]);
  });

  it('leaves out what is not known, and names codecs of Enhanced RTMP by their FourCC', () => {
    const opus = { ...aac, codec: 'opus', codecString: 'opus', samplesPerFrame: undefined } as const;
    const sound = {
      durationMs: 1_000,
      lengthBytes: 10,
      trackConfigs: [opus],
      framesPerSecond: undefined,
      keyframes: keyframes(0),
    };
    const { properties } = fileMetadata(sound);
    expect(properties.get('audiocodecid')).toBe(0x4f_70_75_73);
    expect(properties.get('hasVideo')).toBe(false);
    expect(properties.get('hasKeyframes')).toBe(false);
    for (const name of ['width', 'framerate', 'videocodecid', 'keyframes']) expect(properties.has(name)).toBe(false);
  });

  it('thins out a table that is too long to be sent to everybody, and keeps its beginning', () => {
    const long = {
      durationMs: 1,
      lengthBytes: 1,
      trackConfigs: [avc],
      framesPerSecond: 29.97,
      keyframes: keyframes(100_000),
    };
    const { properties } = fileMetadata(long);
    // What the codec does not say, the file may.
    expect(properties.get('framerate')).toBe(29.97);
    const table = propertiesOf(properties.get('keyframes'));
    const times = table?.get('times');
    const positions = table?.get('filepositions');
    expect(Array.isArray(times) && times.length).toBe(4_000);
    expect(Array.isArray(positions) && positions.length).toBe(4_000);
    expect(Array.isArray(times) && times.slice(0, 2)).toEqual([0, 50]);
  });
});
