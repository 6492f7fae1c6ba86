import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FileVersion } from '../../../src/edge/stored/file-version.ts';
import { systemClock } from '../../../src/cli/system-clock.ts';
import { MediaOpener } from '../../../src/edge/stored/media-opener.ts';
import { OpeningWorker, ThreadLost } from '../../../src/edge/stored/opening-worker.ts';
import type { BodyReader } from '../../../src/stores/body-reader.ts';
import { decodeStoredMedia } from '../../../src/formats/stored-media/record.ts';
import { eventually } from '../../support/condition.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { patternBytes } from '../file-origin.ts';
import { misbehaviours } from './misbehaving-thread.ts';
import { wholeVersion } from './whole-version.ts';

let waitingReads = 0;

/** A file that is all there; `waits`: reads of it never end. */
function version(lengthBytes: number, waits = false): FileVersion {
  const file = wholeVersion(patternBytes(0, lengthBytes));
  if (waits) {
    file.openReader = (): BodyReader => {
      waitingReads++;
      return { read: () => undefined, state: 'open', close: () => {} };
    };
  }
  return file;
}

let clock: VirtualClock;
let opener: MediaOpener;
beforeEach(() => {
  waitingReads = 0;
  clock = new VirtualClock();
  opener = new MediaOpener(clock, new OpeningWorker(clock, new URL('./misbehaving-thread.ts', import.meta.url)));
});
afterEach(() => opener.close());

/** What a file of the thread that misbehaves is opened as. */
const record = async (file: FileVersion) => (await opener.open(file)).shared.record;

const ten = new Uint8Array(patternBytes(0, 10));

describe('MediaOpener', () => {
  it('gives a reading what it asks for', async () => {
    expect(await record(version(500))).toEqual(ten);
    expect(await record(version(4))).toEqual(ten.subarray(0, 4));
  });

  it.each([
    ['a bug of ours', misbehaviours.throws, 'the thread that reads media files failed'],
    ['a file that takes all memory', misbehaviours.takesAllMemory, 'the thread that reads media files failed'],
  ])('survives %s, and begins all others anew', async (_what, length, message) => {
    const others = Array.from({ length: 3 }, () => record(version(500)));
    await expect(opener.open(version(length))).rejects.toThrow(message);
    expect(await Promise.all(others)).toEqual([ten, ten, ten]);
    expect(await record(version(500))).toEqual(ten);
  });

  it('ends a file on which it does not get on', async () => {
    const hanging = opener.open(version(misbehaviours.hangs));
    const other = record(version(500));
    await eventually('it is being opened', () => clock.pendingTimers === 3);
    const refused = expect(hanging).rejects.toMatchObject({ code: 'STORED_MEDIA_TOO_COSTLY' });
    clock.advance(10_000);
    await refused;
    expect(await other).toEqual(ten);
  });

  it('ends a file that never has enough', async () => {
    await expect(opener.open(version(misbehaviours.insatiable))).rejects.toMatchObject({
      code: 'STORED_MEDIA_INDEX_TOO_LARGE',
    });
    expect(await record(version(500))).toEqual(ten);
  });

  it('opens a bounded number at once, has a bounded number wait, and none for ever', async () => {
    const slow = Array.from({ length: 4 }, () => opener.open(version(500, true)));
    const ends = Promise.allSettled(slow);
    const waiting = Array.from({ length: 64 }, () => record(version(500)));
    await expect(opener.open(version(500))).rejects.toMatchObject({ code: 'STORED_MEDIA_OPENINGS' });
    await eventually('all four are being read', () => waitingReads === 4);
    clock.advance(60_000);
    for (const end of await ends) {
      expect(end).toMatchObject({ status: 'rejected', reason: { code: 'STORED_MEDIA_OPENING_TIMEOUT' } });
    }
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => ten));
  });

  it('plays in a thread of the program that has practised, and in one that could not', async () => {
    const film = join(import.meta.dirname, '..', '..', '..', 'media', 'demo.mp4');
    const bytes = Buffer.from(readFileSync(film));
    for (const practised of [film, join(film, 'nothing')]) {
      const real = new MediaOpener(systemClock);
      real.warmUp(practised);
      const { shared, encode } = await real.open(wholeVersion(bytes));
      const media = decodeStoredMedia(shared.record, shared.beside);
      expect(media.lengthBytes).toBe(bytes.length);
      expect(media.encode()).toEqual(decodeStoredMedia(await encode()).encode());
      // It was the thread's as long as it was to be encoded.
      await expect(encode()).rejects.toThrow('the thread that reads media files failed');
      await real.close();
      await expect(encode()).rejects.toThrow(ThreadLost);
    }
  });

  it('leaves nobody waiting when it is closed', async () => {
    const slow = Array.from({ length: 6 }, () => opener.open(version(500, true)));
    const ends = Promise.allSettled(slow);
    await opener.close();
    expect((await ends).map(({ status }) => status)).toEqual(slow.map(() => 'rejected'));
  });
});
