import type { DataMessage } from '../../src/formats/media/data-message.ts';
import type { Reading, StoredCursor, StoredItem, StoredMedia } from '../../src/formats/media/stored-media.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import type { PlayAdmission, PlayGate, PlayRequest } from '../../src/live/play-gate.ts';
import type { StoredFile } from '../../src/live/stored-file.ts';
import type { ByteRange } from '../../src/policy/range-selection.ts';
import type { BodyReader } from '../../src/stores/body-reader.ts';
import { aac, audioUnit, avc, videoUnit } from '../rtmp/sample-media.ts';

export interface SampleOptions {
  readonly seconds?: number;
  readonly videoBytes?: number;
  readonly trackConfigs?: readonly TrackConfig[];
  /** Given before this frame. */
  readonly changeAt?: { readonly frame: number; readonly item: StoredItem };
  /** Reading this frame throws it. */
  readonly damageAt?: { readonly frame: number; readonly error: Error };
}

interface Place {
  frame: number;
  part: 'change' | 'video' | 'audio';
}

const audioBytes = 60;
const framesPerSecond = 25;
const gopFrames = 25;

/**
 * A stored file that nobody has written: 25 pictures a second, a keyframe each second, a frame of sound beside each
 * picture; one behind the other. `availableTo` says how much of it has come. What it has lent it spoils as soon as it may.
 */
export class SampleFile implements StoredFile {
  readonly path: string;
  readonly lengthBytes: number;
  readonly media: StoredMedia;
  readonly frames: number;
  /** Each range that was opened, and those that are open. */
  readonly ranges: ByteRange[] = [];
  openReaders = 0;
  readBytes = 0;
  /** What every read beyond `availableTo` fails with; `undefined` waits. */
  failure: Error | undefined;
  /** Of what one read gives. */
  pieceBytes = 16_384;
  readonly #options: SampleOptions;
  readonly #videoBytes: number;
  readonly #waiting = new Set<() => void>();
  #availableTo: number;

  constructor(path: string, options: SampleOptions = {}) {
    const { seconds = 10, videoBytes = 200, trackConfigs = [avc, aac] } = options;
    this.#options = options;
    this.path = path;
    this.#videoBytes = videoBytes;
    this.frames = seconds * framesPerSecond;
    this.lengthBytes = this.frames * this.#frameBytes;
    this.#availableTo = this.lengthBytes;
    const keyframes = Array.from({ length: Math.ceil(this.frames / gopFrames) }, (_, index) => index);
    this.media = {
      container: 'mp4',
      durationMs: seconds * 1_000,
      lengthBytes: this.lengthBytes,
      trackConfigs,
      framesPerSecond,
      keyframes: {
        timesMs: Float64Array.from(keyframes, (index) => index * 1_000),
        offsets: Float64Array.from(keyframes, (index) => index * gopFrames * this.#frameBytes),
      },
      encode: () => new Uint8Array(0),
      cursorAt: (timeMs) => this.#cursorAt(timeMs),
    };
  }

  get #frameBytes(): number {
    return this.#videoBytes + audioBytes;
  }

  /** As many bytes as there are in frames before this time. */
  bytesUntil(timeMs: number): number {
    return Math.floor((timeMs / 1_000) * framesPerSecond) * this.#frameBytes;
  }

  set availableTo(bytes: number) {
    this.#availableTo = bytes;
    this.wake();
  }

  wake(): void {
    for (const onProgress of this.#waiting) onProgress();
  }

  openReader(range: ByteRange, onProgress: () => void): BodyReader {
    this.ranges.push(range);
    this.openReaders++;
    let at = range.first;
    let failed: Error | undefined;
    let lent: { readonly bytes: Buffer; readonly end: number }[] = [];
    const spoil = (offset: number) => {
      for (const { bytes, end } of lent) if (end <= offset) bytes.fill(0xee);
      lent = lent.filter(({ end }) => end > offset);
    };
    this.#waiting.add(onProgress);
    const state = (): BodyReader['state'] => {
      if (failed !== undefined) return { error: failed };
      return at > range.last ? 'ended' : 'open';
    };
    const reader: BodyReader = {
      read: () => {
        const to = Math.min(at + this.pieceBytes, range.last + 1, this.#availableTo);
        if (to <= at) {
          if (at <= range.last) failed = this.failure;
          return undefined;
        }
        const bytes = this.#bytes(at, to);
        this.readBytes += to - at;
        at = to;
        return bytes;
      },
      readLent: () => {
        const bytes = reader.read();
        if (bytes !== undefined) lent.push({ bytes, end: at });
        return bytes;
      },
      passed: spoil,
      keepLent: () => (lent = []),
      get state() {
        return state();
      },
      close: () => {
        spoil(Infinity);
        this.openReaders--;
        this.#waiting.delete(onProgress);
      },
    };
    return reader;
  }

  #bytes(from: number, to: number): Buffer {
    const first = Math.floor(from / this.#frameBytes);
    const pieces: Uint8Array[] = [];
    for (let frame = first; frame * this.#frameBytes < to; frame++) {
      pieces.push(videoUnit(frame, 0, this.#videoBytes).data, audioUnit(frame).data);
    }
    const start = first * this.#frameBytes;
    return Buffer.concat(pieces).subarray(from - start, to - start);
  }

  *#cursorAt(timeMs: number): Reading<StoredCursor> {
    const asked = Math.min(Math.max(0, Math.floor((timeMs / 1_000) * framesPerSecond)), this.frames - 1);
    const place: Place = { frame: asked - (asked % gopFrames), part: 'change' };
    const startMs = place.frame * 40;
    // A place is looked for in the file, as in FLV.
    const offset = place.frame * this.#frameBytes;
    yield { from: offset, to: offset + 1 };
    return { startMs, next: () => this.#next(place) };
  }

  *#next(place: Place): Reading<StoredItem | undefined> {
    const { changeAt, damageAt } = this.#options;
    const { frame } = place;
    if (frame >= this.frames) return undefined;
    if (place.part === 'change') {
      place.part = 'video';
      if (changeAt?.frame === frame) return changeAt.item;
    }
    if (frame === damageAt?.frame) throw damageAt.error;
    const offset = frame * this.#frameBytes;
    if (place.part === 'video') {
      place.part = 'audio';
      const data = yield { from: offset, to: offset + this.#videoBytes };
      return { kind: 'unit', unit: { ...videoUnit(frame), data } };
    }
    place.part = 'change';
    place.frame++;
    const data = yield { from: offset + this.#videoBytes, to: offset + this.#frameBytes };
    return { kind: 'unit', unit: { ...audioUnit(frame), data } };
  }
}

/** A cue among the media. */
export function cue(name: string, timestampMs: number): StoredItem {
  const message: DataMessage = { name, values: ['text'], timestampMs };
  return { kind: 'data', message };
}

/** Admits to stored files by their stream names, in the application `cfx/st` alone. */
export class SampleGate implements PlayGate {
  readonly files = new Map<string, StoredFile>();
  readonly requests: PlayRequest[] = [];
  /** Admitted and not released. */
  admitted = 0;

  isStored(request: PlayRequest): boolean {
    return request.app.startsWith('cfx');
  }

  admit(request: PlayRequest): Promise<PlayAdmission> {
    this.requests.push(request);
    const file = this.fileOf(request.app, request.streamName);
    if (file === undefined) {
      return Promise.resolve({
        kind: 'refused',
        statusCode: 'NetStream.Play.StreamNotFound',
        code: 'PLAY_STREAM_NOT_FOUND',
        sentence: `there is no ${request.streamName}`,
      });
    }
    this.admitted++;
    let released = false;
    return Promise.resolve({
      kind: 'stored',
      path: `${request.app}/${request.streamName.split('?')[0] ?? ''}`,
      file,
      release: () => {
        if (released) throw new Error('released twice');
        released = true;
        this.admitted--;
      },
    });
  }

  protected fileOf(_app: string, streamName: string): StoredFile | undefined {
    return this.files.get(streamName);
  }
}
