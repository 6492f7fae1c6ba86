/** A picture of the source, as it went to ffmpeg. */
export interface SourceFrame {
  readonly dtsTicks: number;
  readonly durationTicks: number;
  readonly ptsTicks: number;
  readonly keyframe: boolean;
  /** The presentation time that ffmpeg was told; each frame has its own. */
  readonly ptsMs: number;
}

/** Where a picture of a rendition belongs. */
export interface FramePlace {
  readonly dtsTicks: number;
  readonly ptsTicks: number;
  /** How long it lasts if none is left out after it. */
  readonly durationTicks: number;
}

/**
 * The last pictures that went to ffmpeg, so that what comes back, which counts in milliseconds, finds its exact place in
 * media time. Renditions have no B-frames: their pictures come in presentation order, and the nth of them takes the nth
 * decode time of the source. A keyframe thus has both times of the source's, whatever B-frames that has.
 */
export class SourceFrames {
  readonly #maxFrames: number;
  /** In decode order. */
  readonly #decoded: SourceFrame[] = [];
  /** The same in presentation order. */
  readonly #presented: SourceFrame[] = [];
  /** How many frames have been forgotten. */
  #forgotten = 0;

  constructor(maxFrames = 8_192) {
    this.#maxFrames = maxFrames;
  }

  add(frame: SourceFrame): void {
    this.#decoded.push(frame);
    let at = this.#presented.length;
    while (at > 0 && (this.#presented[at - 1]?.ptsMs ?? 0) > frame.ptsMs) at--;
    this.#presented.splice(at, 0, frame);
    if (this.#decoded.length <= this.#maxFrames) return;
    this.#decoded.shift();
    this.#presented.shift();
    this.#forgotten++;
  }

  /** Finds the places of one rendition's pictures, one after the other. */
  cursor(): FrameCursor {
    let rank = 0;
    let lastDtsTicks = -Infinity;
    return {
      take: (ptsMs) => {
        rank = Math.max(rank, this.#forgotten);
        while ((this.#presented[rank - this.#forgotten]?.ptsMs ?? Infinity) < ptsMs) rank++;
        const at = rank - this.#forgotten;
        const [picture, time] = [this.#presented[at], this.#decoded[at]];
        if (picture?.ptsMs !== ptsMs || time === undefined) return undefined;
        rank++;
        const dtsTicks = Math.max(lastDtsTicks + 1, Math.min(time.dtsTicks, this.#latestDts(at)));
        lastDtsTicks = dtsTicks;
        return {
          dtsTicks,
          ptsTicks: picture.ptsTicks,
          durationTicks: Math.max(1, time.dtsTicks + time.durationTicks - dtsTicks),
        };
      },
    };
  }

  /** In an open GOP pictures follow a keyframe that are shown before it: they come before it in the rendition. */
  #latestDts(at: number): number {
    for (let key = at; ; key++) {
      const frame = this.#presented[key];
      if (frame === undefined) return Infinity;
      if (frame.keyframe) return frame.dtsTicks - (key - at);
    }
  }
}

export interface FrameCursor {
  /** `undefined` for a time that no picture had, or one that is forgotten. */
  take(ptsMs: number): FramePlace | undefined;
}
