import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type EncodableAudio,
  type EncodableVideo,
  encodedAudio,
  encodedVideo,
  sentTogether,
} from '../support/enhanced-media.ts';
import { run } from '../support/ffmpeg.ts';
import {
  downloadRuns,
  downloadSegments,
  type ReadSample,
  samplesOfFfprobe,
  samplesOfIsoBoxes,
  sha256,
} from '../support/packaged-media.ts';
import { adtsFramesOf, nalUnitsOf, readTransport } from '../support/transport-reader.ts';
import { PublishingOrigin } from './publishing-origin.ts';

const videoPid = 0x100;
const audioPid = 0x101;

let origin: PublishingOrigin;
beforeAll(async () => {
  origin = await PublishingOrigin.start();
});
afterAll(() => origin[Symbol.asyncDispose]());

/** Not what a decoder is told beside: delimiters, and what the record holds (x265 puts a message of its own there). */
const isPicture: Record<'avc' | 'hevc', (nalUnit: Uint8Array) => boolean> = {
  avc: ([head = 0]) => ![7, 8, 9].includes(head & 0x1f),
  hevc: ([head = 0]) => ![32, 33, 34, 35, 39].includes(head >> 1),
};

function picturesOf(codec: 'avc' | 'hevc', nalUnits: readonly Uint8Array[]): string {
  return sha256(Buffer.concat(nalUnits.filter(isPicture[codec])));
}

function lengthPrefixedUnits(data: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  const bytes = Buffer.from(data);
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32BE(at)) {
    units.push(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at)));
  }
  return units;
}

async function samplesOf(playlistUrl: string): Promise<readonly ReadSample[]> {
  const [file = Buffer.alloc(0)] = await downloadRuns(playlistUrl);
  return samplesOfIsoBoxes(file).samples;
}

describe('a stream published over Enhanced RTMP, as MPEG-TS', () => {
  it.each<{ video: 'avc' | 'hevc'; audio: EncodableAudio; names: [string, string] }>([
    { video: 'avc', audio: 'aac', names: ['h264', 'aac'] },
    { video: 'hevc', audio: 'ac3', names: ['hevc', 'ac3'] },
    { video: 'hevc', audio: 'eac3', names: ['hevc', 'eac3'] },
    { video: 'avc', audio: 'mp3', names: ['h264', 'mp3'] },
  ])('has the times and bytes of its CMAF, and is decoded without a word: $video, $audio', async (tried) => {
    const [video, audio] = await Promise.all([
      encodedVideo(tried.video, 'testsrc2=s=160x120:r=25:d=6'),
      encodedAudio(tried.audio, 'sine=r=48000:d=6'),
    ]);
    const url = await origin.published(`${tried.video}-${tried.audio}`, sentTogether(video, audio));
    const segments = await downloadSegments(`${url}/ts.m3u8`);
    expect(segments.length).toBeGreaterThan(1);
    const file = Buffer.concat(segments);
    const read = readTransport(file);
    expect(read.findings).toEqual([]);

    const pictures = await samplesOf(`${url}/video.m3u8`);
    const pes = read.pes.get(videoPid) ?? [];
    expect(pes.map(({ ptsTicks, dtsTicks, randomAccess }) => [ptsTicks, dtsTicks, randomAccess])).toEqual(
      pictures.map(({ ptsTicks, dtsTicks, keyframe }) => [ptsTicks, dtsTicks, keyframe]),
    );
    expect(pes.map(({ payload }) => picturesOf(tried.video, nalUnitsOf(payload)))).toEqual(
      video.track.packets.map(({ data }) => picturesOf(tried.video, lengthPrefixedUnits(data))),
    );
    const heard = (read.pes.get(audioPid) ?? []).flatMap(({ payload }) =>
      tried.audio === 'aac' ? adtsFramesOf(payload) : [payload],
    );
    expect(sha256(Buffer.concat(heard))).toBe(sha256(Buffer.concat(audio.track.packets.map(({ data }) => data))));

    const seen = await samplesOfFfprobe(file, 'v');
    expect(seen.stream['codec_name']).toBe(tried.names[0]);
    expect(seen.samples.map(({ ptsTicks, dtsTicks }) => [ptsTicks, dtsTicks])).toEqual(
      pictures.map(({ ptsTicks, dtsTicks }) => [ptsTicks, dtsTicks]),
    );
    const sound = await samplesOf(`${url}/audio.m3u8`);
    const probed = await samplesOfFfprobe(file, 'a');
    expect(probed.stream['codec_name']).toBe(tried.names[1]);
    expect(probed.samples).toHaveLength(sound.length);
    for (const [index, { ptsTicks }] of probed.samples.entries()) {
      expect(Math.abs(ptsTicks - ((sound[index]?.ptsTicks ?? 0) * 90) / 48)).toBeLessThanOrEqual(1);
    }

    const decode = ['-nostdin', '-v', 'warning', '-xerror', '-live_start_index', '0', '-i', `${url}/ts.m3u8`];
    const decoded = await run('ffmpeg', [...decode, '-f', 'framehash', '-map', '0:v', '-']);
    expect(decoded.standardError).toBe('');
    expect(decoded.standardOutput.match(/^0,/gm)).toHaveLength(pictures.length);
  });

  it.each<[EncodableVideo, EncodableAudio]>([
    ['vp9', 'opus'],
    ['avc', 'flac'],
  ])('is not there for %s with %s', async (videoCodec, audioCodec) => {
    const messages = sentTogether(
      await encodedVideo(videoCodec, 'testsrc2=s=160x120:r=25:d=3'),
      await encodedAudio(audioCodec, 'sine=r=48000:d=3'),
    );
    const url = await origin.published(`${videoCodec}-${audioCodec}`, messages);
    for (const name of ['ts.m3u8', 'ts-index.m3u8']) expect((await fetch(`${url}/${name}`)).status).toBe(404);
  });
});
