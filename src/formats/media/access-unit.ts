/** One frame of video or one frame of audio, as it is decoded: stored once, serialised at the rim for each protocol. */
export type AccessUnit = VideoAccessUnit | AudioAccessUnit;

interface AccessUnitBase {
  /** That of the track's configuration. */
  readonly trackId: number;
  /**
   * Decode time as the publisher sent it: an unsigned 32-bit count of milliseconds that wraps, jumps and jitters.
   * `src/policy/timeline.ts` makes sense of it.
   */
  readonly timestampMs: number;
  /**
   * As MP4 holds a sample of the codec: NAL units with their length prefixes (as the track's description says), the
   * open bitstream units of one temporal unit, one raw AAC frame, one Opus packet. Must not be written to.
   *
   * Of a live stream they are lent for the call that brings them: who keeps them copies them (`base/own-copies`). What
   * comes next lies in the same memory.
   */
  readonly data: Uint8Array;
  /** How long ago it came, where it was kept until somebody wanted it. */
  readonly heldMs?: number;
}

export interface VideoAccessUnit extends AccessUnitBase {
  readonly kind: 'video';
  /** A decoder can start here. */
  readonly keyframe: boolean;
  /** Presentation time − decode time; signed 24 bits on the wire. */
  readonly compositionOffsetMs: number;
}

export interface AudioAccessUnit extends AccessUnitBase {
  readonly kind: 'audio';
}
