import { longestMp3FrameBytes, type Mp3FrameShape, mp3FrameHeaderBytes, mp3FrameShape } from '../mp3/frame-shape.ts';
import type { ReadWindow } from '../media/read-window.ts';
import type { Reading } from '../media/stored-media.ts';

/** A frame of a file. */
export interface FoundFrame {
  readonly at: number;
  readonly shape: Mp3FrameShape;
}

/** A frame counts where two more follow it, each where the one before ends: eleven ones alone are everywhere. */
const chainFrames = 3;
const chainBytes = chainFrames * longestMp3FrameBytes;

/** What does not change within a file. */
export type FrameRate = Pick<Mp3FrameShape, 'sampleRate' | 'samplesPerFrame'>;

/**
 * Finds from any byte on where a frame begins, before `to`, where the sound ends. With `like` only such as have this
 * sample rate.
 */
export function* findFrame(
  window: ReadWindow,
  from: number,
  to: number,
  like?: FrameRate,
): Reading<FoundFrame | undefined> {
  let at = from;
  while (at < to) {
    const bytes = yield* window.from(at, Math.min(to - at, chainBytes));
    const end = Math.min(bytes.length, to - at);
    let index = 0;
    while (index < end && bytes[index] !== 0xff) index++;
    at += index;
    if (index === end) {
      if (bytes.length < mp3FrameHeaderBytes) return undefined;
      continue;
    }
    const frame = yield* frameAt(window, at, like);
    if (frame !== undefined && (yield* isFollowed(window, frame, to))) return frame;
    at++;
  }
  return undefined;
}

/** The frame whose header stands here, like the others. */
export function* frameAt(window: ReadWindow, at: number, like?: FrameRate): Reading<FoundFrame | undefined> {
  const shape = mp3FrameShape(yield* window.at(at, mp3FrameHeaderBytes));
  if (shape === undefined || shape === 'free') return undefined;
  const { sampleRate, samplesPerFrame } = shape;
  const isLike = like === undefined || (like.sampleRate === sampleRate && like.samplesPerFrame === samplesPerFrame);
  return isLike ? { at, shape } : undefined;
}

function* isFollowed(window: ReadWindow, first: FoundFrame, to: number): Reading<boolean> {
  let frame = first;
  for (let count = 1; count < chainFrames; count++) {
    const nextAt = frame.at + frame.shape.frameBytes;
    // The end is as good as another frame; one alone is good only if it fills all that is left.
    if (nextAt + mp3FrameHeaderBytes > to) return count > 1 || nextAt === to;
    const next = yield* frameAt(window, nextAt, first.shape);
    if (next === undefined) return false;
    frame = next;
  }
  return true;
}
