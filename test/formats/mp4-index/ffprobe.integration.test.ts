import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ALL_FORMATS, EncodedPacketSink, FilePathSource, Input } from 'mediabunny';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../../src/formats/media/access-unit.ts';
import type { StoredItem } from '../../../src/formats/media/stored-media.ts';
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
  ...Object.entries({
    'frag_keyframe+empty_moov': 'fragments with a random access table',
    frag_keyframe: 'fragments behind samples of moov',
    'frag_keyframe+empty_moov+default_base_moof+skip_trailer': 'fragments without a table',
    'empty_moov+default_base_moof+skip_trailer -frag_duration 300000': 'fragments that begin anywhere',
    'empty_moov+default_base_moof+separate_moof -frag_duration 700000': 'fragments of one track each',
    'dash+global_sidx -frag_duration 1500000': 'fragments with a segment index',
    'cmaf+negative_cts_offsets+frag_keyframe+empty_moov': 'fragments with negative composition offsets',
  }).map(
    ([flags, claim]) =>
      [claim, `${pictures} ${sound} -t 5 ${avc} -c:a aac -movflags ${flags}`, 'mp4', ['avc', 'aac']] as const,
  ),
  ['fragments of sound', `${sound} -t 5 -c:a aac -movflags empty_moov -frag_duration 500000`, 'mp4', ['aac']],
  [
    'fragments of VP9 and MP3',
    `${pictures} ${sound} -t 3 -c:v libvpx-vp9 -g 30 -deadline realtime -cpu-used 8 -c:a libmp3lame -movflags empty_moov+frag_keyframe`,
    'mp4',
    ['vp9', 'mp3'],
  ],
];

const written = new Map<string, Promise<string>>();

/** Written once for all tests. */
function made(claim: string, options: string, ending: string): Promise<string> {
  const path = join(folder, `${claim.replaceAll(/\W+/g, '-')}.${ending}`);
  const known = written.get(path);
  if (known !== undefined) return known;
  const writing = run('ffmpeg', ['-nostdin', '-y', '-v', 'error', ...options.split(' '), path]).then((result) => {
    if (result.code !== 0) throw new Error(`ffmpeg could not write ${claim}:\n${result.standardError}`);
    return path;
  });
  written.set(path, writing);
  return writing;
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
  // Of fragments with negative composition offsets ffprobe has pictures later by as much, and sound where it is.
  const probeable = files.filter(([claim]) => claim !== 'fragments with negative composition offsets');
  it.each(probeable)('read the same samples at the same times: %s', async (claim, options, ending, codecs) => {
    const path = await made(claim, options, ending);
    const file = new StoredBytes(new Uint8Array(await readFile(path)));
    const media = file.read(openMp4(file.bytes.length));
    const { index } = media;
    expect(media.trackConfigs.map(({ codec }) => codec)).toEqual(codecs);

    const items = [...file.items(file.read(media.cursorAt(0)))];
    const units = unitsOf(items);
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
    // Of fragments ffprobe does not say how much of the last frame of sound is padding.
    const toleranceMs = index.fragments === undefined ? 1 : 25;
    expect(Math.abs(media.durationMs - Math.max(...ends))).toBeLessThan(toleranceMs);
  });

  it.each(files)('begin at the keyframe at or before, and go on alike: %s', async (claim, options, ending) => {
    const path = await made(claim, options, ending);
    const file = new StoredBytes(new Uint8Array(await readFile(path)));
    const media = file.read(openMp4(file.bytes.length));
    const units = unitsOf([...file.items(file.read(media.cursorAt(0)))]);
    const leading = units.filter(({ kind }) => kind === media.trackConfigs[0]?.kind);
    const starts = leading.filter((unit) => unit.kind === 'audio' || unit.keyframe);
    const times = [-1, 0, 1, 499, 1_333, 2_000, 2_999, 1e9, ...starts.map(({ timestampMs }) => timestampMs)];
    for (const timeMs of [...times, ...starts.map(({ timestampMs }) => timestampMs - 1)]) {
      const cursor = file.read(media.cursorAt(timeMs));
      const expected = starts.findLast(({ timestampMs }) => timestampMs <= timeMs) ?? starts[0];
      const rest = unitsOf([...file.items(cursor)]);
      expect(rest.find(({ kind }) => kind === expected?.kind)).toEqual(expected);
      expect(cursor.startMs).toBe(rest[0]?.timestampMs);
      for (const { kind, trackId } of media.trackConfigs) {
        const ofTrack = (unit: AccessUnit) => unit.kind === kind && unit.trackId === trackId;
        const ours = rest.filter(ofTrack);
        expect(ours).toEqual(units.filter(ofTrack).slice(-ours.length || Number.POSITIVE_INFINITY));
        const isStart = expected === starts[0];
        if (!isStart) expect(ours[0]?.timestampMs ?? 1e9).toBeGreaterThanOrEqual(cursor.startMs);
      }
    }
  });
});

describe('openMp4 and mediabunny', () => {
  // It reads either the samples of moov or those of fragments, and no MP3 nor AC-3 in MP4.
  const readable = files.filter(
    ([claim, , , codecs]) =>
      claim !== 'fragments behind samples of moov' && !codecs.some((codec) => ['mp3', 'ac3', 'eac3'].includes(codec)),
  );
  it.each(readable)('agree on when the same samples are shown: %s', async (claim, options, ending) => {
    const path = await made(claim, options, ending);
    const file = new StoredBytes(new Uint8Array(await readFile(path)));
    const media = file.read(openMp4(file.bytes.length));
    const units = unitsByTrack(unitsOf([...file.items(file.read(media.cursorAt(0)))]));
    using input = new Input({ source: new FilePathSource(path), formats: ALL_FORMATS });
    const tracks = [...(await input.getVideoTracks()), ...(await input.getAudioTracks())];
    expect(units).toHaveLength(tracks.length);
    for (const [place, track] of tracks.entries()) {
      const shown = new Map<string, number[]>();
      for await (const packet of new EncodedPacketSink(track).packets()) {
        const hash = md5(packet.data);
        shown.set(hash, [...(shown.get(hash) ?? []), packet.timestamp * 1_000]);
      }
      for (const unit of units[place] ?? []) {
        const presentationMs = unit.timestampMs + (unit.kind === 'video' ? unit.compositionOffsetMs : 0);
        const times = shown.get(md5(unit.data)) ?? [];
        const nearest = Math.min(...times.map((ms) => Math.abs(ms - presentationMs + media.index.shiftMs)));
        expect(nearest).toBeLessThanOrEqual(0.501);
      }
    }
  });
});

function unitsOf(items: readonly StoredItem[]): AccessUnit[] {
  return items.flatMap((item) => (item.kind === 'unit' ? [item.unit] : []));
}
