import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/cli/system-clock.ts';
import { openFlv } from '../../../src/formats/flv-index/flv-media.ts';
import { legacyFlvClient, wireFormOf } from '../../../src/formats/flv/client-capabilities.ts';
import { FlvReader } from '../../../src/formats/flv/flv-file.ts';
import { type FlvLayout, flvRestart, keyframeAt, layOutFlv } from '../../../src/formats/flv-layout/flv-layout.ts';
import type { TrackConfig } from '../../../src/formats/media/track.ts';
import { type Mp4Media, openMp4 } from '../../../src/formats/mp4-index/mp4-media.ts';
import { downloadTaker, FlvDownload } from '../../../src/live/stored/flv-download.ts';
import type { StoredFile } from '../../../src/live/stored-file.ts';
import { run } from '../../support/ffmpeg.ts';
import { probedPackets } from '../../support/probed-packets.ts';
import { StoredBytes } from '../../support/stored-bytes.ts';

const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30'];
const tone = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];
const avc = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '45', '-b:v', '400k'];
const aac = ['-c:a', 'aac', '-ac', '2'];

const files: Readonly<Record<string, readonly string[]>> = {
  'H.264 with B-frames and AAC': [...picture, ...tone, '-t', '12', ...avc, ...aac],
  'moov at the front, MP3': [...picture, ...tone, '-t', '12', ...avc, '-c:a', 'libmp3lame', '-movflags', '+faststart'],
  'pictures alone': [...picture, '-t', '12', ...avc],
  'sound alone': [...tone, '-t', '12', ...aac],
};

interface Opened {
  readonly file: StoredFile;
  readonly media: Mp4Media;
  readonly trackConfigs: readonly TrackConfig[];
  readonly layout: FlvLayout;
}

describe('FlvDownload and layOutFlv', () => {
  let folder = '';
  const paths = new Map<string, string>();
  const openedFiles = new Map<string, Opened>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flv-download-'));
    for (const [index, [name, options]] of Object.entries(files).entries()) {
      const path = join(folder, `${index}.mp4`);
      const { code, standardError } = await run('ffmpeg', ['-v', 'error', '-nostdin', ...options, path]);
      if (code !== 0) throw new Error(`${name}: ${standardError}`);
      paths.set(name, path);
      openedFiles.set(name, opened(new Uint8Array(await readFile(path))));
    }
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  function fileOf(name: string): Opened & { readonly path: string } {
    const file = openedFiles.get(name);
    const path = paths.get(name);
    if (file === undefined || path === undefined) throw new Error(name);
    return { ...file, path };
  }

  it.each(Object.keys(files))(
    'send as many bytes as were laid out, and what ffprobe sees in the MP4: %s',
    async (name) => {
      const { layout, path, ...file } = fileOf(name);
      const body = await downloaded({ ...file, beginning: layout.beginning, fromMs: 0 });
      expect(body.length).toBe(layout.lengthBytes);
      const flvPath = `${path}.flv`;
      await writeFile(flvPath, body);
      const sent = await probedPackets(flvPath);
      const stored = await probedPackets(path);
      for (const kind of ['video', 'audio'] as const) {
        const hashes = (packets: typeof sent) => packets.filter((packet) => packet.kind === kind).map(({ md5 }) => md5);
        expect(hashes(sent)).toEqual(hashes(stored));
      }
      const probe = await run('ffprobe', [
        '-v',
        'error',
        '-show_entries',
        'format=duration',
        '-of',
        'csv=p=0',
        flvPath,
      ]);
      expect(Math.abs(Number(probe.standardOutput) - file.media.durationMs / 1_000)).toBeLessThan(0.1);
    },
  );

  it.each(Object.keys(files))(
    'place keyframes where their tags begin, in the midst of the file too: %s',
    async (name) => {
      const { layout, ...file } = fileOf(name);
      const { timesMs, offsets } = layout.keyframes;
      const whole = await downloaded({ ...file, beginning: layout.beginning, fromMs: 0 });
      expect(offsets.length).toBeGreaterThan(5);
      for (const index of [0, 1, 3, offsets.length - 1]) {
        const [offset = 0, timeMs = 0] = [offsets[index], timesMs[index]];
        expect(keyframeAt(layout, offset)).toEqual({ offset, timeMs });
        expect(keyframeAt(layout, offset + 5)).toEqual({ offset, timeMs });
        const beginning = flvRestart(file.trackConfigs, timeMs, 'standard');
        const rest = await downloaded({ ...file, beginning, fromMs: timeMs });
        expect(Buffer.compare(rest.subarray(beginning.length), whole.subarray(offset))).toBe(0);
        const tags = new FlvReader({ maxTagBytes: 1_000_000 }).push(rest);
        const [first] = tags.slice(tagsOf(beginning));
        expect(first?.timestampMs).toBe(timeMs);
        if (file.trackConfigs[0]?.kind === 'video') expect(first?.payload[0]).toBe(0x17);
      }
      expect(keyframeAt(layout, 12)).toBeUndefined();
    },
  );

  it('write the positions of keyframes into onMetaData, as ffprobe and the file itself have them', () => {
    const { layout, media } = fileOf('H.264 with B-frames and AAC');
    const bytes = new Uint8Array(layout.lengthBytes);
    bytes.set(layout.beginning);
    const flv = new StoredBytes(bytes).read(openFlv(bytes.length));
    expect(flv.keyframes).toEqual(layout.keyframes);
    expect(flv.durationMs).toBe(media.durationMs);
  });

  it('write nothing more until the viewer has taken what waits', () => {
    const { layout, ...file } = fileOf('H.264 with B-frames and AAC');
    const received: Uint8Array[] = [];
    const drains: (() => void)[] = [];
    const ends: true[] = [];
    const taker = {
      write: (bytes: Uint8Array) => {
        received.push(bytes.slice());
        return false;
      },
      end: () => ends.push(true),
      destroy: () => {},
      together: (action: () => void) => action(),
      once: (_event: 'drain', listener: () => void) => drains.push(listener),
    };
    new FlvDownload({ ...options(file), beginning: layout.beginning, fromMs: 0, taker }).start();
    for (let drain = drains.shift(); drain !== undefined; drain = drains.shift()) {
      const writtenBefore = received.length;
      drain();
      expect(received.length - writtenBefore).toBeLessThanOrEqual(1);
      expect(drains.length).toBeLessThanOrEqual(1);
    }
    expect(ends).toEqual([true]);
    expect(Buffer.concat(received).length).toBe(layout.lengthBytes);
  });

  it('lay out nothing where fragments would have to be looked at', async () => {
    const path = join(folder, 'fragmented.mp4');
    const fragmented = [...picture, '-t', '2', ...avc, '-movflags', '+frag_keyframe+empty_moov', path];
    await run('ffmpeg', ['-v', 'error', '-nostdin', ...fragmented]);
    const bytes = new Uint8Array(await readFile(path));
    const media = new StoredBytes(bytes).read(openMp4(bytes.length));
    expect(layoutOf(media, media.trackConfigs)).toBeUndefined();
  });
});

function opened(bytes: Uint8Array): Opened {
  const media = new StoredBytes(bytes).read(openMp4(bytes.length));
  const trackConfigs = media.trackConfigs.filter((config) => wireFormOf(config, legacyFlvClient) === 'send');
  const layout = layoutOf(media, trackConfigs);
  if (layout === undefined) throw new Error('no layout');
  return { file: memoryFile(bytes, media), media, trackConfigs, layout };
}

function layoutOf(media: Mp4Media, trackConfigs: readonly TrackConfig[]): FlvLayout | undefined {
  const laying = layOutFlv(media, { trackConfigs, dialect: 'standard' });
  for (;;) {
    const step = laying.next();
    if (step.done === true) return step.value;
  }
}

function memoryFile(bytes: Uint8Array, media: Mp4Media): StoredFile {
  return {
    path: 'test.mp4',
    lengthBytes: bytes.length,
    media,
    openReader: ({ first, last }) => {
      let at = first;
      return {
        read: () => {
          if (at > last) return undefined;
          const piece = Buffer.from(bytes.subarray(at, Math.min(last + 1, at + 50_000)));
          at += piece.length;
          return piece;
        },
        get state() {
          return at > last ? ('ended' as const) : ('open' as const);
        },
        close: () => {},
      };
    },
  };
}

function options({ file, trackConfigs }: Pick<Opened, 'file' | 'trackConfigs'>) {
  return {
    file,
    trackConfigs,
    dialect: 'standard' as const,
    clock: systemClock,
    onFailed: (error: unknown) => {
      throw error instanceof Error ? error : new Error(String(error));
    },
  };
}

/** Over a real connection. */
async function downloaded(
  wanted: Pick<Opened, 'file' | 'trackConfigs'> & { readonly beginning: Uint8Array; readonly fromMs: number },
): Promise<Buffer> {
  const { beginning, fromMs } = wanted;
  const server = createServer((_request, response) => {
    new FlvDownload({ ...options(wanted), beginning, fromMs, taker: downloadTaker(response) }).start();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      get({ host: '127.0.0.1', port, agent: false }, (answer) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece: Buffer) => pieces.push(piece));
        answer.on('end', () => resolve(Buffer.concat(pieces)));
        answer.on('error', reject);
      }).on('error', reject);
    });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function tagsOf(beginning: Uint8Array): number {
  return new FlvReader({ maxTagBytes: 1_000_000 }).push(beginning).length;
}
