import type { ReadWindow } from '../media/read-window.ts';
import type { Reading } from '../media/stored-media.ts';
import { messageType } from '../rtmp/message.ts';
import { fileTimeMs } from './file-time.ts';
import type { FlvIndex, SetupTag } from './flv-index.ts';
import { findTag, maxTagBytes, roleOf, type StoredTag, tagAt } from './tag-walk.ts';

/** A place to begin at. */
export interface FoundKeyframe {
  readonly at: number;
  readonly timeMs: number;
  /** Tags on the way that set up decoders, before it. */
  readonly setupTags: readonly SetupTag[];
}

/** A tag begins here, at this time. */
interface Place {
  readonly at: number;
  readonly timeMs: number;
}

/** From here on the tags between two places are walked through. */
const walkedBytes = 131_072;
const walkedMs = 3_000;
/** Half of what is left goes with every third look at least: 2^53 bytes are never more than this. */
const maxLooks = 160;

/** A place that is guessed lies this much before where it is expected: behind it means another look. */
const guessLeadMs = 1_500;

/** The first step back to a keyframe; each is twice the one before. */
const firstStepBytes = 262_144;

/** How far tracks that are written together may be out of step. */
const interleavingMs = 1_000;

/**
 * The last keyframe at or before a time, the last frame of a file without video; `undefined` where there is none before.
 * Guesses by the rate between two places that are known, finds a tag there, compares, guesses again; then goes back from
 * tag to tag of ever longer stretches, none of them twice. Throws `LimitError` where that takes more than the window may
 * read.
 */
export function* findKeyframe(window: ReadWindow, index: FlvIndex, timeMs: number): Reading<FoundKeyframe | undefined> {
  const before = yield* placeBefore(window, index, timeMs);
  const walk = new KeyframeWalk(window, index, timeMs);
  yield* walk.through(before.at, index.lengthBytes);
  return walk.found ?? (yield* walk.backFrom(before.at));
}

/** The last keyframe that begins at or before a byte; `undefined` where there is none before. Throws likewise. */
export function* findKeyframeAt(window: ReadWindow, index: FlvIndex, at: number): Reading<FoundKeyframe | undefined> {
  return yield* new KeyframeWalk(window, index, Number.POSITIVE_INFINITY).backFrom(Math.min(at + 1, index.lengthBytes));
}

/** A place at or before a time, and close to it. */
function* placeBefore(window: ReadWindow, index: FlvIndex, timeMs: number): Reading<Place> {
  let low: Place = { at: index.firstTagAt, timeMs: 0 };
  let high: Place = { at: index.lengthBytes, timeMs: Math.max(index.durationMs, timeMs) };
  for (let look = 0; look < maxLooks; look++) {
    const bytes = high.at - low.at;
    if (bytes <= walkedBytes || timeMs - low.timeMs <= walkedMs) break;
    const share = (timeMs - guessLeadMs - low.timeMs) / Math.max(1, high.timeMs - low.timeMs);
    // What a hostile file makes of the guess, halves still get smaller.
    const fraction = look % 3 === 2 ? 0.5 : Math.min(0.99, Math.max(0.01, share));
    const guess = low.at + 1 + Math.floor((bytes - 1) * fraction);
    const tag = yield* mediaTagFrom(window, index, guess, high.at);
    if (tag === undefined) {
      high = { at: guess, timeMs: high.timeMs };
      continue;
    }
    const tagMs = fileTimeMs(tag.timestampMs, index.baseMs);
    if (tagMs <= timeMs) low = { at: tag.at, timeMs: Math.max(low.timeMs, tagMs) };
    else high = { at: guess, timeMs: Math.min(high.timeMs, tagMs) };
  }
  return low;
}

function* tagFrom(window: ReadWindow, index: FlvIndex, from: number, to: number): Reading<number | undefined> {
  if (from === index.firstTagAt) return from;
  return (yield* findTag(window, from, to, index.chained))?.at;
}

/** Script data may carry any time. */
function* mediaTagFrom(window: ReadWindow, index: FlvIndex, from: number, to: number): Reading<StoredTag | undefined> {
  let tag = yield* findTag(window, from, to, index.chained);
  while (tag !== undefined && tag.at < to && tag.typeId !== messageType.audio && tag.typeId !== messageType.video) {
    tag = yield* tagAt(window, tag.nextAt);
  }
  return tag !== undefined && tag.at < to ? tag : undefined;
}

/** Goes over stretches of a file, each before the one before, and keeps the last keyframe that is not too late. */
class KeyframeWalk {
  readonly #window: ReadWindow;
  readonly #index: FlvIndex;
  readonly #timeMs: number;
  readonly #videoTrackId: number | undefined;
  #found: FoundKeyframe | undefined;

  constructor(window: ReadWindow, index: FlvIndex, timeMs: number) {
    this.#window = window;
    this.#index = index;
    this.#timeMs = timeMs;
    this.#videoTrackId = videoTrackIdOf(index);
  }

  get found(): FoundKeyframe | undefined {
    return this.#found;
  }

  *through(from: number, to: number): Reading<void> {
    const setupTags: SetupTag[] = [];
    let tag = yield* tagAt(this.#window, from);
    while (tag !== undefined && tag.at < to) {
      const timeMs = fileTimeMs(tag.timestampMs, this.#index.baseMs);
      const role = yield* roleOf(this.#window, tag, this.#videoTrackId ?? 0);
      if (role === 'setup') yield* this.#keep(tag, setupTags);
      else if (role !== 'other' && timeMs > this.#timeMs + interleavingMs) return;
      if (this.#isStart(tag, role) && timeMs <= this.#timeMs) {
        this.#found = { at: tag.at, timeMs, setupTags: [...setupTags] };
      }
      const { nextAt } = tag;
      tag = (yield* tagAt(this.#window, nextAt)) ?? (yield* this.#behindDamage(nextAt, to));
    }
  }

  /** Goes back until it has found one, or to the first tag. */
  *backFrom(end: number): Reading<FoundKeyframe | undefined> {
    const { firstTagAt } = this.#index;
    let to = end;
    for (let stepBytes = firstStepBytes; this.#found === undefined && to > firstTagAt; stepBytes *= 2) {
      const target = Math.max(firstTagAt, to - stepBytes);
      const from = yield* tagFrom(this.#window, this.#index, target, to);
      if (from !== undefined) yield* this.through(from, to);
      // Without a tag in it, a stretch is searched again as part of a longer one.
      if (from === undefined && target === firstTagAt) break;
      to = from ?? to;
    }
    return this.#found;
  }

  #isStart({ typeId }: StoredTag, role: string): boolean {
    return this.#videoTrackId === undefined ? typeId === messageType.audio && role === 'frame' : role === 'keyframe';
  }

  *#keep({ at, typeId, bodyAt, bodyBytes }: StoredTag, setupTags: SetupTag[]): Reading<void> {
    const isKnown = this.#index.setupTags.some((tag) => tag.at === at);
    if (isKnown || bodyBytes > maxSetupBytes || setupTags.length >= maxSetupTags) return;
    setupTags.push({ at, typeId, body: (yield* this.#window.at(bodyAt, bodyBytes)).slice() });
  }

  *#behindDamage(at: number, to: number): Reading<StoredTag | undefined> {
    if (at + 1 >= to || to - at > maxTagBytes) return undefined;
    return yield* findTag(this.#window, at, to, this.#index.chained);
  }
}

const maxSetupBytes = 65_536;
const maxSetupTags = 64;

/** The track whose keyframes count; `undefined` for a file of sound alone. */
export function videoTrackIdOf({ trackConfigs }: FlvIndex): number | undefined {
  return trackConfigs.find(({ kind }) => kind === 'video')?.trackId;
}
