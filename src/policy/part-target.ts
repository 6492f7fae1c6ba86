/** A part is to fill this much of PART-TARGET (rfc8216bis §4.4.4.9 asks for 85 %). */
export const leastPartFill = 0.85;
const stepMs = 10;
const longestMs = 3_000;
/** Parts may turn out this much shorter or longer than those seen so far: FLV counts in whole milliseconds. */
const jitterMs = 2;
/** A stream is of constant rate when this share of its frames last about as long as the median one. */
const constantRateShare = 0.9;
/** As many phases of the sequence are tried as there are frames in a few parts. */
const phases = 6;

/** The frame durations of one track, in decode order, in ticks of its timescale. */
export interface FrameDurations {
  readonly timescale: number;
  readonly durationsTicks: readonly number[];
}

/**
 * PART-TARGET in ms: `wantedMs`, if the frames of every track fill parts of it to 85 % (and 2 ms for jitter) without
 * exceeding it, else the smallest larger one that they fill, in steps of 10 ms. 350 ms suits 10 to 60 pictures a second and AAC; 5 pictures
 * a second need 400 ms, AAC at 8 kHz needs 390 ms.
 */
export function fittingPartTargetMs(wantedMs: number, tracks: readonly FrameDurations[]): number {
  const sequences = tracks.map(regularDurationsMs).filter((durations) => durations.length > 0);
  for (let partTargetMs = wantedMs; partTargetMs <= longestMs; partTargetMs += stepMs) {
    if (sequences.every((durations) => isFilledBy(partTargetMs, durations))) return partTargetMs;
  }
  // A rate that varies too much for any: at least every frame fits.
  const longestFrameMs = Math.max(0, ...sequences.flat());
  return Math.min(longestMs, Math.max(wantedMs, Math.ceil(longestFrameMs / stepMs) * stepMs));
}

/** Without the hiccups of a track that is otherwise of constant rate: they must not decide for the stream's life. */
function regularDurationsMs({ timescale, durationsTicks }: FrameDurations): number[] {
  const durationsMs = durationsTicks.map((ticks) => (ticks * 1_000) / timescale);
  const median = durationsMs.toSorted((a, b) => a - b)[Math.floor(durationsMs.length / 2)] ?? 0;
  const regular = durationsMs.filter((ms) => ms > median / 2 && ms < median * 1.5);
  return regular.length >= durationsMs.length * constantRateShare ? regular : durationsMs;
}

function isFilledBy(partTargetMs: number, durationsMs: readonly number[]): boolean {
  for (let phase = 0; phase < Math.min(phases, durationsMs.length); phase++) {
    let partMs = 0;
    for (const durationMs of durationsMs.slice(phase)) {
      if (durationMs > partTargetMs) return false;
      if (partMs + durationMs > partTargetMs) {
        if (partMs < partTargetMs * leastPartFill + jitterMs) return false;
        partMs = 0;
      }
      partMs += durationMs;
    }
  }
  return true;
}
