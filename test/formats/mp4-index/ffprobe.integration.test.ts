import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../../src/formats/media/access-unit.ts';
import { decodeMp4, openMp4 } from '../../../src/formats/mp4-index/mp4-media.ts';
import { run } from '../../support/ffmpeg.ts';
import { type PlacedPacket, placedPackets } from '../../support/probed-packets.ts';
import { StoredBytes } from '../../support/stored-bytes.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'streamfront-mp4-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

const pictures = '-f lavfi -i testsrc2=s=320x180:r=30';
const sound = '-f lavfi -i sine=440:r=48000';
const avc = '-c:v libx264 -preset veryfast -bf 3 -g 45';

/** What ffmpeg is asked for, and the codecs that are found. */
const files: readonly (readonly [claim: string, options: string, ending: string, codecs: readonly string[]])[] = [
  ['B-frames and AAC, moov at the tail', `${pictures} ${sound} -t 4 ${avc} -c:a aac`, 'mp4', ['avc', 'aac']],
  ['moov at the front', `${pictures} ${sound} -t 4 ${avc} -c:a aac -movflags +faststart`, 'mp4', ['avc', 'aac']],
  ['no B-frames and no sound', `${pictures} -t 2 -c:v libx264 -bf 0`, 'mp4', ['avc']],
  [
    'negative composition offsets',
    `${pictures} ${sound} -t 3 ${avc} -c:a aac -movflags negative_cts_offsets`,
    'mp4',
    ['avc', 'aac'],
  ],
  ['QuickTime', `${pictures} ${sound} -t 3 ${avc} -c:a aac`, 'mov', ['avc', 'aac']],
  ['MP3 beside pictures', `${pictures} ${sound} -t 3 ${avc} -c:a libmp3lame`, 'mp4', ['avc', 'mp3']],
  ['MP3 in QuickTime', `${sound} -t 3 -c:a libmp3lame`, 'mov', ['mp3']],
  ['sound alone', `${sound} -t 3 -c:a aac`, 'm4a', ['aac']],
  [
    'HEVC and Opus',
    `${pictures} ${sound} -t 3 -c:v libx265 -x265-params log-level=error -tag:v hvc1 -c:a libopus`,
    'mp4',
    ['hevc', 'opus'],
  ],
  [
    'hev1 and E-AC-3',
    `${pictures} ${sound} -t 3 -c:v libx265 -x265-params log-level=error -tag:v hev1 -c:a eac3`,
    'mp4',
    ['hevc', 'eac3'],
  ],
  [
    'VP9 and FLAC',
    `${pictures} ${sound} -t 3 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a flac -strict -2`,
    'mp4',
    ['vp9', 'flac'],
  ],
  ['AV1 and AC-3', `${pictures} ${sound} -t 3 -c:v libsvtav1 -preset 12 -c:a ac3`, 'mp4', ['av1', 'ac3']],
  [
    'a rate that varies',
    `${pictures} ${sound} -t 4 -vf select='not(eq(mod(n\\,7)\\,3))' -fps_mode vfr -video_track_timescale 90000 ${avc} -c:a aac`,
    'mp4',
    ['avc', 'aac'],
  ],
  ['sound that begins later', `${pictures} -itsoffset 1.5 ${sound} -t 4 ${avc} -c:a aac`, 'mp4', ['avc', 'aac']],
  ['pictures that begin later', `-itsoffset 1.25 ${pictures} ${sound} -t 4 ${avc} -c:a aac`, 'mp4', ['avc', 'aac']],
  [
    'two languages',
    `${pictures} ${sound} -f lavfi -i sine=880:r=44100 -map 0 -map 1 -map 2 -t 3 ${avc} -c:a aac`,
    'mp4',
    ['avc', 'aac', 'aac'],
  ],
];

async function made(name: string, options: string): Promise<string> {
  const path = join(folder, name);
  const result = await run('ffmpeg', ['-nostdin', '-y', '-v', 'error', ...options.split(' '), path]);
  if (result.code !== 0) throw new Error(`ffmpeg could not write ${name}:\n${result.standardError}`);
  return path;
}

function md5(data: Uint8Array): string {
  return createHash('md5').update(data).digest('hex');
}

/** Units of each track in the order of the streams of the file, which is that of the tracks here. */
function unitsByTrack(units: readonly AccessUnit[]): AccessUnit[][] {
  const tracks = new Map<string, AccessUnit[]>();
  for (const unit of units) {
    const name = `${unit.kind === 'video' ? 0 : 1} ${unit.trackId}`;
    tracks.set(name, [...(tracks.get(name) ?? []), unit]);
  }
  return [...tracks].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, units]) => units);
}

function streamsOf(packets: readonly PlacedPacket[]): PlacedPacket[][] {
  const streams = [...new Set(packets.map(({ stream }) => stream))].sort((a, b) => a - b);
  return streams.map((stream) => packets.filter((packet) => packet.stream === stream));
}

describe('openMp4, played from the beginning, and ffprobe', () => {
  it.each(files)('read the same samples at the same times: %s', async (claim, options, ending, codecs) => {
    const path = await made(`${claim.replaceAll(/\W+/g, '-')}.${ending}`, options);
    const file = new StoredBytes(new Uint8Array(await readFile(path)));
    const media = file.read(openMp4(file.bytes.length));
    const { index } = media;
    expect(media.trackConfigs.map(({ codec }) => codec)).toEqual(codecs);

    const items = [...file.items(file.read(media.cursorAt(0)))];
    const units = items.flatMap((item) => (item.kind === 'unit' ? [item.unit] : []));
    expect(items).toHaveLength(units.length);
    const probed = await placedPackets(path);
    expect(unitsByTrack(units).map((track) => track.map(({ data }) => md5(data)))).toEqual(
      streamsOf(probed).map((packets) => packets.map((packet) => packet.md5)),
    );
    for (const [track, packets] of unitsByTrack(units).map(
      (each, place) => [each, streamsOf(probed)[place] ?? []] as const,
    )) {
      for (const [place, unit] of track.entries()) {
        const packet = packets[place];
        if (packet === undefined || packet.hidden) continue;
        const offsetMs = unit.kind === 'video' ? unit.compositionOffsetMs : 0;
        // Half a millisecond of ours, and the six decimals of ffprobe.
        expect(Math.abs(unit.timestampMs - index.shiftMs - packet.exactDecodeMs)).toBeLessThanOrEqual(0.501);
        expect(Math.abs(unit.timestampMs + offsetMs - index.shiftMs - packet.exactPresentationMs)).toBeLessThanOrEqual(
          0.501,
        );
        if (unit.kind === 'video') expect(unit.keyframe).toBe(packet.keyframe);
      }
    }

    expect(units.every(({ timestampMs }, place) => timestampMs >= (units[place - 1]?.timestampMs ?? 0))).toBe(true);
    const kept = decodeMp4(media.encode());
    expect([...file.items(file.read(kept.cursorAt(0)))]).toEqual(items);
    expect(kept.keyframes).toEqual(media.keyframes);

    const ends = probed.map(({ exactPresentationMs, durationMs }) => exactPresentationMs + durationMs + index.shiftMs);
    expect(Math.abs(media.durationMs - Math.max(...ends))).toBeLessThan(1);
  });
});
