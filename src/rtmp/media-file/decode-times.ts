/** How far a frame may move between decode order and presentation order (ISO/IEC 14496-10: 16 frames in the buffer). */
const maxReorderFrames = 16;

/** Enough of the beginning to see the deepest reordering that an encoder uses. */
const lookAheadFrames = 40;

/**
 * Gives frames that come in decode order, knowing only when they are presented, decode times: the presentation times in
 * ascending order, moved back until none is later than its frame is presented. That is what encoders write, so that the
 * result is theirs where the file has kept only half of it. Holds 40 frames at most, 17 after the beginning.
 */
export async function* withDecodeTimes<T extends { readonly presentationSeconds: number }>(
  frames: AsyncIterable<T>,
): AsyncGenerator<T & { readonly decodeSeconds: number }, void, undefined> {
  const waiting: T[] = [];
  /** Presentation times of what has been read and has not served as a decode time yet, ascending. */
  const times: number[] = [];
  let delaySeconds: number | undefined;
  let lastSeconds = Number.NEGATIVE_INFINITY;

  const next = (): (T & { readonly decodeSeconds: number }) | undefined => {
    const frame = waiting.shift();
    const time = times.shift();
    if (frame === undefined || time === undefined) return undefined;
    delaySeconds ??= reorderDelay([frame, ...waiting], [time, ...times]);
    // Never later than presented, even if the reordering gets deeper than it was; and never back.
    const decodeSeconds = Math.max(lastSeconds, Math.min(time - delaySeconds, frame.presentationSeconds));
    lastSeconds = decodeSeconds;
    return { ...frame, decodeSeconds };
  };

  for await (const frame of frames) {
    waiting.push(frame);
    insertAscending(times, frame.presentationSeconds);
    const wanted = delaySeconds === undefined ? lookAheadFrames : maxReorderFrames + 1;
    if (waiting.length < wanted) continue;
    const timed = next();
    if (timed !== undefined) yield timed;
    // After the look-ahead there are more than needed: they leave one for each that comes, and one more.
    const surplus = waiting.length > maxReorderFrames + 1 ? next() : undefined;
    if (surplus !== undefined) yield surplus;
  }
  for (let timed = next(); timed !== undefined; timed = next()) yield timed;
}

/** The smallest delay with which no frame is decoded after it is presented. */
function reorderDelay(
  frames: readonly { readonly presentationSeconds: number }[],
  ascending: readonly number[],
): number {
  // The last ones may not have their final place among the times yet.
  const certain = frames.length < lookAheadFrames ? frames.length : frames.length - maxReorderFrames;
  let delaySeconds = 0;
  for (const [index, frame] of frames.slice(0, certain).entries()) {
    delaySeconds = Math.max(delaySeconds, (ascending[index] ?? 0) - frame.presentationSeconds);
  }
  return delaySeconds;
}

function insertAscending(times: number[], time: number): void {
  let at = times.length;
  while (at > 0 && (times[at - 1] ?? 0) > time) at--;
  times.splice(at, 0, time);
}
