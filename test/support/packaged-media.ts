import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readIsoBoxes, defaultReaderConfig } from '@svta/cml-iso-bmff';
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from 'mediabunny';
import { run } from './ffmpeg.ts';
import { isoBoxes, oneBox } from './iso-boxes.ts';

/** A sample as a demuxer sees it. Times are in ticks of the track. */
export interface ReadSample {
  readonly dtsTicks: number | undefined;
  readonly ptsTicks: number;
  readonly keyframe: boolean;
  /** Of its bytes. */
  readonly sha256: string;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The files of the segments that a media playlist lists. */
export async function downloadSegments(playlistUrl: string): Promise<Buffer[]> {
  const text = await (await fetch(playlistUrl)).text();
  const uris = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Promise.all(uris.map((uri) => download(uri, playlistUrl)));
}

async function download(uri: string, playlistUrl: string): Promise<Buffer> {
  const answer = await fetch(new URL(uri, playlistUrl));
  if (!answer.ok) throw new Error(`${uri} answers ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}

/** The files that a media playlist lists, gaps left out: those after each EXT-X-MAP with it, as one file. */
export async function downloadRuns(playlistUrl: string): Promise<Buffer[]> {
  const text = await (await fetch(playlistUrl)).text();
  const runs: Buffer[][] = [];
  let isGap = false;
  for (const line of text.split('\n')) {
    if (line === '#EXT-X-GAP') isGap = true;
    const map = /^#EXT-X-MAP:URI="([^"]+)"/.exec(line)?.[1];
    if (map !== undefined) runs.push([await download(map, playlistUrl)]);
    else if (line !== '' && !line.startsWith('#')) {
      if (!isGap) runs.at(-1)?.push(await download(line, playlistUrl));
      isGap = false;
    }
  }
  return runs.map((pieces) => Buffer.concat(pieces));
}

/** As mediabunny reads the one track of a file. It tells no decode times. */
export async function samplesOfMediabunny(bytes: Uint8Array, timescale: number) {
  const input = new Input({ source: new BufferSource(bytes), formats: ALL_FORMATS });
  try {
    const track = (await input.getPrimaryVideoTrack()) ?? (await input.getPrimaryAudioTrack());
    if (track === null) throw new Error('mediabunny finds no track');
    const samples: ReadSample[] = [];
    for await (const { data, type, timestamp } of new EncodedPacketSink(track).packets()) {
      const ptsTicks = Math.round(timestamp * timescale);
      samples.push({ dtsTicks: undefined, ptsTicks, keyframe: type === 'key', sha256: sha256(data) });
    }
    return { codec: await track.getCodec(), codecString: await track.getCodecParameterString(), samples };
  } finally {
    input.dispose();
  }
}

/** As `@svta/cml-iso-bmff` reads the fragments of a file. */
export function samplesOfIsoBoxes(bytes: Uint8Array): { timescale: number; samples: ReadSample[] } {
  const config = defaultReaderConfig();
  const samples: ReadSample[] = [];
  let timescale = 0;
  let at = 0;
  for (const { type, size } of readIsoBoxes(Uint8Array.from(bytes), config)) {
    const boxes = isoBoxes(bytes.subarray(at, at + size));
    if (type === 'moov') timescale = oneBox(boxes, 'mdhd').timescale;
    if (type === 'moof') {
      const run = oneBox(boxes, 'trun');
      let dtsTicks = oneBox(boxes, 'tfdt').baseMediaDecodeTime;
      let from = at + (run.dataOffset ?? 0);
      for (const {
        sampleDuration = 0,
        sampleSize = 0,
        sampleFlags = 0,
        sampleCompositionTimeOffset = 0,
      } of run.samples) {
        samples.push({
          dtsTicks,
          // The reader gives version 1 as unsigned where it is not told.
          ptsTicks: dtsTicks + (sampleCompositionTimeOffset | 0),
          keyframe: (sampleFlags & 0x01_0000) === 0,
          sha256: sha256(bytes.subarray(from, from + sampleSize)),
        });
        dtsTicks += sampleDuration;
        from += sampleSize;
      }
    }
    at += size;
  }
  return { timescale, samples };
}

/** What ffprobe says of the one stream of a file. */
export interface ProbedFile {
  readonly stream: Readonly<Record<string, unknown>>;
  readonly samples: readonly ReadSample[];
}

/** `select`: which stream of several, as ffprobe calls it. */
export async function samplesOfFfprobe(bytes: Uint8Array, select = '0'): Promise<ProbedFile> {
  const folder = await mkdtemp(join(tmpdir(), 'streamfront-packaged-'));
  try {
    const file = join(folder, 'media.mp4');
    await writeFile(file, bytes);
    const asked = [
      '-select_streams',
      select,
      '-show_streams',
      '-show_packets',
      '-show_data_hash',
      'sha256',
      '-of',
      'json',
    ];
    const { standardOutput } = await run('ffprobe', ['-v', 'error', ...asked, file]);
    const { streams, packets } = JSON.parse(standardOutput) as {
      streams: Record<string, unknown>[];
      packets: { pts: number; dts: number; flags: string; data_hash: string }[];
    };
    return {
      stream: streams[0] ?? {},
      samples: packets.map(({ pts, dts, flags, data_hash }) => ({
        dtsTicks: dts,
        ptsTicks: pts,
        keyframe: flags.startsWith('K'),
        sha256: data_hash.replace(/^SHA256:/i, '').toLowerCase(),
      })),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}
