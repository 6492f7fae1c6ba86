import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeptStreams } from '../../../src/stores/kept/kept-streams.ts';
import { StreamFiles } from '../../../src/stores/kept/stream-files.ts';
import { LogRecorder } from '../../support/log-recorder.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { keptSegment } from './kept-segment.ts';

let folder: string;
let log: LogRecorder;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-kept-'));
  log = new LogRecorder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const place = (...names: string[]) => join(folder, 'e1', ...names);

function streamFiles(): StreamFiles {
  return new StreamFiles({ folder: place(), clock: new VirtualClock(), log });
}

/** Those that nobody watched while they came: in one file of each rendition. */
async function writeGathered(...msns: readonly number[]): Promise<void> {
  const files = streamFiles();
  files.gather(true);
  for (const msn of msns) {
    for (const rendition of ['video', 'audio-1']) files.writeSegment(rendition, keptSegment(msn));
  }
  files.writeState({ msn: msns.at(-1) });
  await files.idle();
}

async function loaded() {
  const [stream] = await new KeptStreams(folder, log).load();
  return Object.fromEntries(
    [...(stream?.renditions ?? [])].map(([name, { files, segments }]) => [
      name,
      {
        files: files.map(({ first, last }) => [first, last]),
        segments: segments.map(({ segment }) => [segment.msn, segment.byteLength]),
      },
    ]),
  );
}

describe('KeptStreams', () => {
  it('loads the segments of files that hold several, and of those that hold one', async () => {
    await writeGathered(3, 4, 5);
    const files = streamFiles();
    files.writeSegment('video', keptSegment(6, 50));
    await files.idle();
    const three = [3, 4, 5].map((msn) => [msn, 100]);
    expect(await loaded()).toEqual({
      'audio-1': { files: [[3, 5]], segments: three },
      video: {
        files: [
          [3, 5],
          [6, 6],
        ],
        segments: [...three, [6, 50]],
      },
    });
  });

  it('gives what adopts a file all that removes it, when the last of its segments has left the window', async () => {
    await writeGathered(3, 4, 5);
    const [stream] = await new KeptStreams(folder, log).load();
    const files = streamFiles();
    files.adopt('video', stream?.renditions.get('video')?.files ?? []);
    files.removeBefore('video', 5);
    await files.idle();
    expect(readdirSync(place())).toContain('video.3-5.segments');
    files.removeBefore('video', 6);
    await files.idle();
    expect(readdirSync(place()).sort()).toEqual(['audio-1.3-5.segments', 'stream.json']);
  });

  it('takes what a kill has left whole of a file, and removes one of which nothing is', async () => {
    await writeGathered(3, 4, 5);
    const { length } = readFileSync(place('video.3-5.segments'));
    truncateSync(place('video.3-5.segments'), length - 1);
    truncateSync(place('audio-1.3-5.segments'), 30);
    expect(await loaded()).toEqual({
      video: {
        files: [[3, 5]],
        segments: [
          [3, 100],
          [4, 100],
        ],
      },
    });
    expect(readdirSync(place()).sort()).toEqual(['stream.json', 'video.3-5.segments']);
    expect(log.lines).toEqual([]);
  });

  it('takes a segment from the file that it has of its own, whatever else holds one of its number', async () => {
    await writeGathered(3, 4, 5);
    const files = streamFiles();
    for (const msn of [3, 4, 5]) files.writeSegment('video', keptSegment(msn, 7));
    await files.idle();
    expect((await loaded())['video']?.segments).toEqual([
      [3, 7],
      [4, 7],
      [5, 7],
    ]);
  });

  it('sets a file aside that is damaged, or holds other segments than its name says, and says so', async () => {
    await writeGathered(3, 4, 5);
    const bytes = readFileSync(place('audio-1.3-5.segments'));
    for (const name of ['audio-1.7-8.segments', 'audio-1.9-9.segments']) writeFileSync(place(name), bytes);
    bytes[bytes.length - 1] = 1;
    writeFileSync(place('video.3-5.segments'), bytes);
    expect(Object.keys(await loaded())).toEqual(['audio-1']);
    expect(log.lines.map(({ fields }) => [fields['path'], fields['reason']])).toEqual([
      [place('audio-1.7-8.segments'), 'holds segment 3, not 7 to 8'],
      [place('audio-1.9-9.segments'), 'is nothing that this program has put here'],
      [place('video.3-5.segments'), 'is damaged: its checksum does not fit'],
    ]);
    expect(readdirSync(join(folder, 'set-aside')).sort()).toEqual([
      'e1.audio-1.7-8.segments',
      'e1.audio-1.9-9.segments',
      'e1.video.3-5.segments',
    ]);
  });
});
