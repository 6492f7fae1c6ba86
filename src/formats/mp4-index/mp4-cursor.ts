import { ProtocolError } from '../../base/errors.ts';
import type { Reading, StoredCursor, StoredItem } from '../media/stored-media.ts';
import type { TrackConfig } from '../media/track.ts';
import { configOfKeyframe } from './in-band-configuration.ts';
import { longestPresentationMs } from './limits.ts';
import type { Mp4Track } from './mp4-index.ts';
import type { TimedSample } from './presentation.ts';
import type { SampleSource } from './sample-source.ts';

/** Reads the data of samples, and tells configurations where they come into force. */
export class Mp4Cursor implements StoredCursor {
  readonly startMs: number;
  readonly #source: SampleSource;
  readonly #configs: Map<Mp4Track, TrackConfig>;
  /** The sample description that is in force. */
  readonly #descriptions = new Map<Mp4Track, number>();
  /** Described already: its configuration came before it. */
  #pending: StoredItem | undefined;

  constructor(source: SampleSource, startMs: number, configs: Map<Mp4Track, TrackConfig>) {
    this.startMs = startMs;
    this.#source = source;
    this.#configs = configs;
  }

  *next(): Reading<StoredItem | undefined> {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending !== undefined) return pending;
    for (;;) {
      const reading = this.#source.reading();
      if (reading !== undefined) yield* reading;
      const sample = this.#source.next();
      if (sample === undefined) return undefined;
      const item = sample.sizeBytes > 0 ? yield* this.#item(sample) : undefined;
      if (item !== undefined) return item;
    }
  }

  /** `undefined` for a sample of a codec that we do not carry, among others of the track. */
  *#item(sample: TimedSample): Reading<StoredItem | undefined> {
    const { track, offset, sizeBytes, description } = sample;
    if (sample.decodeMs > longestPresentationMs) {
      const sentence = `a sample ${sample.decodeMs} ms after the beginning`;
      throw new ProtocolError('MP4_TIME', sentence, { byteOffset: offset, remedy: 'the fragment is damaged' });
    }
    const described = track.descriptions[description];
    if (described === undefined) return undefined;
    const data = yield { from: offset, to: offset + sizeBytes };
    if (data.length < sizeBytes) {
      const sentence = `a sample of ${sizeBytes} bytes of which ${data.length} are there`;
      const remedy = 'the file was cut off, copy it again';
      throw new ProtocolError('MP4_TRUNCATED', sentence, { byteOffset: offset, remedy });
    }
    const inForce = this.#configs.get(track);
    // What a keyframe has brought holds until another description does.
    const isSame = this.#descriptions.get(track) === description;
    const known = isSame && inForce !== undefined ? inForce : described.config;
    const config = described.inBand && sample.sync ? configOfKeyframe(known, data) : known;
    this.#descriptions.set(track, description);
    const unit: StoredItem = { kind: 'unit', unit: accessUnit(sample, config, data) };
    if (inForce === config) return unit;
    this.#configs.set(track, config);
    this.#pending = unit;
    return { kind: 'config', config };
  }
}

function accessUnit(sample: TimedSample, { trackId }: TrackConfig, data: Uint8Array) {
  const { decodeMs: timestampMs, compositionOffsetMs, sync, track } = sample;
  return track.kind === 'video'
    ? ({ kind: 'video', trackId, timestampMs, keyframe: sync, compositionOffsetMs, data } as const)
    : ({ kind: 'audio', trackId, timestampMs, data } as const);
}
