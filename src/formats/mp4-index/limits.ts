import { LimitError } from '../../base/errors.ts';

/** How much a file may make us hold and do. */
export interface Mp4Limits {
  /** Of the `moov` box, and of one `moof`. That of two hours with sound has 5 to 9 MiB. */
  readonly maxHeaderBytes: number;
  /** Until the file is open. */
  readonly maxReadBytes: number;
  /** Of all tracks together. Two hours of 30 pictures a second with sound have 550,000. */
  readonly maxSamples: number;
  /** Boxes of a file side by side, and fragments. */
  readonly maxBoxes: number;
  /** A file with fragments that tells nowhere where they are is looked at from one to the next up to this length. */
  readonly longestWalkBytes: number;
}

export const defaultMp4Limits: Mp4Limits = {
  maxHeaderBytes: 64 * 1024 * 1024,
  maxReadBytes: 1024 * 1024 * 1024,
  maxSamples: 8_000_000,
  maxBoxes: 500_000,
  longestWalkBytes: 16 * 1024 * 1024,
};

/** Of each kind; their ids would fit into one byte, but no player shows so many. */
export const maxTracksOfAKind = 16;
export const maxTracks = 64;
/** Of one track. */
export const maxSampleDescriptions = 64;
/** Of one fragment, and bytes of its `moof`. */
export const maxFragmentSamples = 500_000;
export const maxFragmentHeaderBytes = 16 * 1024 * 1024;
/** Entries of an edit list that show something. */
export const maxEdits = 1_024;
/** A message of RTMP and a tag of FLV say their length in 24 bits, with some for what stands before the sample. */
export const maxSampleBytes = 0xff_ff_ff - 64;
/** Timestamps have 32 bits; players take the highest for a sign. */
export const longestPresentationMs = 2 ** 31 - 1;

/** Counts what a file announces against a limit over all of its tracks. */
export class SampleBudget {
  readonly #limit: number;
  #spent = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Throws `LimitError`. */
  spend(samples: number, path: string): void {
    this.#spent += samples;
    if (this.#spent > this.#limit) {
      throw new LimitError('MP4_TOO_MANY_SAMPLES', `samples up to ${path}`, { limit: this.#limit, value: this.#spent });
    }
  }
}
