import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Rendition } from '../../../src/origin/rendition.ts';
import { type EncodedMedia, encodeClip } from '../../support/encoded-media.ts';
import { packetHashes } from '../../support/ffmpeg.ts';
import { KeptHouse } from '../../support/kept-origin.ts';
import { PublishedStream } from '../../support/published-stream.ts';
import { videoTrackConfig } from '../../support/sample-tracks.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../../support/synthetic-units.ts';

const encryption = [{ stream: 'live/*', method: 'SAMPLE-AES', rotate: 2 }];
const both = [videoConfig, audioConfig];
const run = (seconds: number) => interleaved(videoUnits({ seconds, bytes: 200 }), audioUnits({ seconds }));

let folder: string;
let media: EncodedMedia;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-cbcs-'));
  media = await encodeClip(9);
});
afterAll(() => rmSync(folder, { recursive: true }));

function published(rule: Record<string, unknown> = {}): PublishedStream {
  const stream = new PublishedStream({ encryption: [{ ...encryption[0], ...rule }] });
  stream.start(media.configs);
  stream.send(media.units);
  stream.stop();
  return stream;
}

function renditionOf(stream: PublishedStream, name: string): Rendition {
  const rendition = stream.packager.rendition(name);
  if (rendition === undefined) throw new Error(`there is no ${name}`);
  return rendition;
}

/** The segments of each key, as a file with their initialisation segment; and that key, as the playlist names it. */
function files(stream: PublishedStream, name: string): { path: string; secret: string }[] {
  const rendition = renditionOf(stream, name);
  const byInit = Map.groupBy(rendition.window.segments, ({ initIndex }) => initIndex);
  return [...byInit].map(([index, segments]) => {
    const path = join(folder, `${name}-${index}.mp4`);
    const parts = segments.flatMap(({ parts: all }) => all.map(({ bytes }) => bytes));
    writeFileSync(path, Buffer.concat([rendition.init(index) ?? new Uint8Array(0), ...parts]));
    const uri = stream.packager.keys?.playlistKeys(segments[0]?.msn ?? 0)[0]?.uri ?? '';
    const bytes = stream.packager.keys?.bytesOf(uri.slice('keys/'.length));
    return { path, secret: bytes?.toHex() ?? '' };
  });
}

/** In a file in which it may go back, ffmpeg 5.1 takes the ranges of one fragment for those of another, in its own too. */
function decryption(secret: string): string[] {
  return ['-seekable', '0', '-decryption_key', secret];
}

/** As ffmpeg reads them; `secretOf` may take another key. */
async function readAll(
  stream: PublishedStream,
  name: string,
  secretOf = (secret: string) => secret,
): Promise<string[]> {
  const hashes: string[] = [];
  for (const { path, secret } of files(stream, name)) {
    const read = await packetHashes(path, decryption(secretOf(secret)));
    hashes.push(...read.video, ...read.audio);
  }
  return hashes;
}

describe('a stream whose samples are encrypted (cbcs)', () => {
  it('is decrypted by ffmpeg sample by sample, over several keys, and by no other key', async () => {
    const [clear, encrypted] = [new PublishedStream(), published()];
    clear.start(media.configs);
    clear.send(media.units);
    clear.stop();
    for (const name of ['video', 'audio']) {
      const rendition = renditionOf(clear, name);
      const path = join(folder, `${name}-clear.mp4`);
      const parts = rendition.window.segments.flatMap(({ parts: all }) => all.map(({ bytes }) => bytes));
      writeFileSync(path, Buffer.concat([rendition.init(0) ?? new Uint8Array(0), ...parts]));
      const read = await packetHashes(path);
      const source = [...read.video, ...read.audio];
      expect(files(encrypted, name).length).toBeGreaterThan(1);
      expect(await readAll(encrypted, name)).toEqual(source);
      const wrong = await readAll(encrypted, name, (secret) =>
        secret.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
      );
      expect(wrong).toHaveLength(source.length);
      expect(wrong.filter((hash, index) => hash === source[index]).length).toBeLessThan(source.length / 2);
    }
  });

  it('says in its playlists which key holds, with a vector, and in EXT-X-MAP where the key is named', () => {
    const stream = published();
    const playlist = stream.playlist('video.m3u8');
    const keys = [...playlist.matchAll(/#EXT-X-KEY:METHOD=SAMPLE-AES,URI="keys\/([0-9a-f]{32})",IV=0x[0-9A-F]{32}\n/g)];
    const maps = [...playlist.matchAll(/#EXT-X-MAP:URI="e1\/video\/init-(\d+)\.mp4"/g)];
    expect(keys.length).toBeGreaterThan(1);
    expect(maps).toHaveLength(keys.length);
    expect(playlist).not.toContain('DISCONTINUITY\n');
    keys.forEach(([, id], index) => {
      const init = Buffer.from(renditionOf(stream, 'video').init(Number(maps[index]?.[1])) ?? []);
      expect(init.includes(Buffer.from(id ?? '', 'hex'))).toBe(true);
      expect(init.includes('encv')).toBe(true);
    });
    expect(stream.packager.multivariantPlaylist()?.plain.toString()).toContain('#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES');
  });

  it('has I-frames that can be decrypted by themselves', async () => {
    const stream = published({ rotate: 100 });
    stream.end();
    const rendition = renditionOf(stream, 'video');
    const [iFrame] = rendition.iFrames?.listed ?? [];
    const segment = Buffer.concat(
      rendition.window.segment(iFrame?.segmentMsn ?? 0)?.parts.map(({ bytes }) => bytes) ?? [],
    );
    const range = segment.subarray(iFrame?.offset, (iFrame?.offset ?? 0) + (iFrame?.byteLength ?? 0));
    const [file] = files(stream, 'video');
    const path = join(folder, 'i-frame.mp4');
    writeFileSync(path, Buffer.concat([rendition.init(iFrame?.initIndex ?? 0) ?? new Uint8Array(0), range]));
    const options = decryption(file?.secret ?? '');
    const [whole, alone] = [await packetHashes(file?.path ?? '', options), await packetHashes(path, options)];
    expect(alone.video[0]).toBe(whole.video[0]);
  });

  it('goes on after a restart with the same initialisation segment while the key is the same', async () => {
    await using house = new KeptHouse({ encryption: [{ ...encryption[0], rotate: 100 }] });
    const first = await house.start();
    first.publish(both);
    first.send(run(5));
    await first.stop();
    house.clock.advance(1_000);
    const second = await house.start();
    second.publish(both);
    second.send(run(5));
    const playlist = house.histories.get('video.m3u8')?.at(-1) ?? '';
    expect(new Set(playlist.match(/#EXT-X-MAP:.*/g)).size).toBe(1);
    expect(new Set(playlist.match(/#EXT-X-KEY:METHOD=SAMPLE.*/g)).size).toBe(1);
    second.unpublish();
  });

  it('leaves out pictures whose samples nobody here can take apart, rather than to send them in the clear', () => {
    const stream = new PublishedStream({ encryption });
    stream.start([videoTrackConfig('av1'), audioConfig]);
    stream.send(audioUnits({ seconds: 5 }));
    stream.stop();
    expect(stream.packager.renditions.map(({ name }) => name)).toEqual(['audio']);
    expect(stream.log.text).toContain('Track is not packaged for HTTP');
  });

  it('sends nothing while there is no key', () => {
    const stream = new PublishedStream({
      encryption: [{ ...encryption[0], keys: { directory: join(folder, 'absent') } }],
    });
    stream.start(both);
    stream.send(run(5));
    expect(stream.packager.isPlayable).toBe(false);
    for (const { window } of stream.packager.renditions) {
      for (const { parts } of window.segments) expect(parts.every(({ gap }) => gap)).toBe(true);
    }
    stream.stop();
  });
});
