import { describe, expect, it } from 'vitest';
import { ProtocolError, UpstreamError } from '../../../src/base/errors.ts';
import { FlvReader } from '../../../src/formats/flv/flv-file.ts';
import { flvRestart } from '../../../src/formats/flv-layout/flv-layout.ts';
import { FlvDownload } from '../../../src/live/stored/flv-download.ts';
import { SampleFile } from '../../support/stored-sample.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

function started(file: SampleFile, { taken = true } = {}) {
  const clock = new VirtualClock();
  const pieces: Uint8Array[] = [];
  const happened: string[] = [];
  const drains: (() => void)[] = [];
  const errors: unknown[] = [];
  const download = new FlvDownload({
    file,
    taker: {
      write: (bytes) => {
        pieces.push(bytes.slice());
        return taken;
      },
      end: () => happened.push('end'),
      destroy: () => happened.push('destroy'),
      together: (action) => action(),
      once: (_event, listener) => drains.push(listener),
    },
    beginning: flvRestart(file.media.trackConfigs, 0, 'standard'),
    fromMs: 0,
    trackConfigs: file.media.trackConfigs,
    dialect: 'standard',
    clock,
    onFailed: (error) => errors.push(error),
  });
  const tags = () => new FlvReader({ maxTagBytes: 100_000 }).push(Buffer.concat(pieces));
  download.start();
  return { clock, download, drains, happened, errors, tags };
}

/** Of H.264 and AAC. */
const setupTags = 2;

describe('FlvDownload', () => {
  it('sends what has come, waits, goes on, and leaves nothing open behind it', () => {
    const file = new SampleFile('film.mp4', { seconds: 4 });
    file.availableTo = file.bytesUntil(1_000);
    const { happened, tags, clock } = started(file);
    expect(tags()).toHaveLength(setupTags + 50);
    clock.advance(29_000);
    file.availableTo = file.lengthBytes;
    expect(tags()).toHaveLength(setupTags + 200);
    expect(happened).toEqual(['end']);
    expect(file.openReaders).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('breaks off when nothing has come for half a minute', () => {
    const file = new SampleFile('film.mp4', { seconds: 4 });
    file.availableTo = file.bytesUntil(1_000);
    const { happened, errors, clock } = started(file);
    clock.advance(29_999);
    expect(happened).toEqual([]);
    clock.advance(1);
    expect(happened).toEqual(['destroy']);
    expect(errors).toMatchObject([{ code: 'STORED_BYTES_TIMEOUT' }]);
    expect(file.openReaders).toBe(0);
  });

  it('asks a source that has failed again, for as long', () => {
    const file = new SampleFile('film.mp4', { seconds: 4 });
    file.availableTo = file.bytesUntil(1_000);
    file.failure = new UpstreamError('ORIGIN_UNREACHABLE', 'nobody answers');
    const gone = started(file);
    gone.clock.advance(30_000);
    expect(gone.happened).toEqual(['destroy']);
    expect(gone.errors).toEqual([file.failure]);
    const back = started(file);
    back.clock.advance(5_000);
    file.failure = undefined;
    file.availableTo = file.lengthBytes;
    back.clock.advance(1_000);
    expect(back.happened).toEqual(['end']);
    expect(back.tags()).toHaveLength(setupTags + 200);
  });

  it('breaks off at once where the file is damaged or another one', () => {
    const error = new ProtocolError('MP4_TRUNCATED', 'cut off');
    const damaged = started(new SampleFile('film.mp4', { seconds: 4, damageAt: { frame: 30, error } }));
    expect(damaged.happened).toEqual(['destroy']);
    expect(damaged.errors).toEqual([error]);
    expect(damaged.tags()).toHaveLength(setupTags + 60);
    const file = new SampleFile('film.mp4', { seconds: 4 });
    file.availableTo = file.bytesUntil(1_000);
    file.failure = new UpstreamError('ORIGIN_CHANGED', 'another version');
    expect(started(file).errors).toEqual([file.failure]);
  });

  it('holds nothing for a viewer that takes nothing, and goes on when it does', () => {
    const file = new SampleFile('film.mp4', { seconds: 4 });
    const { clock, drains, happened, tags } = started(file, { taken: false });
    for (let frames = 0; frames < 20; frames++) drains.shift()?.();
    expect(file.openReaders).toBe(1);
    const before = tags().length;
    clock.advance(2_000);
    expect(file.openReaders).toBe(0);
    expect(clock.pendingTimers).toBe(0);
    while (drains.length > 0) drains.shift()?.();
    expect(happened).toEqual(['end']);
    expect(tags().length).toBeGreaterThan(before);
    expect(tags()).toHaveLength(setupTags + 200);
  });

  it('does nothing more when the viewer has left', () => {
    const file = new SampleFile('film.mp4', { seconds: 4 });
    file.availableTo = file.bytesUntil(1_000);
    const { download, happened, tags, clock } = started(file);
    download.end();
    file.availableTo = file.lengthBytes;
    clock.advance(60_000);
    expect(tags()).toHaveLength(setupTags + 50);
    expect(happened).toEqual([]);
    expect(file.openReaders).toBe(0);
  });
});
