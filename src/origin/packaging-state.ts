import type { DateRange } from '../formats/m3u8/date-range.ts';
import type { PlaylistTargets } from '../policy/target-duration.ts';
import type { TimedTrack } from '../policy/timed-unit.ts';
import type { BegunSegment, MendedStream } from '../stores/kept/mended-windows.ts';
import type { KeptEncryption } from './encryption/stream-keys.ts';
import type { Rendition, RenditionInits } from './rendition.ts';
import type { SpliceBreak } from './splice-markers.ts';

/** After the reconnect grace, how long a stream may have been away to be taken up again: as long as a machine starts. */
const restartMs = 300_000;

/** How long a stream may have been away, and its origin with it, to be taken up again. */
export function longestAbsenceMs({ reconnectGraceMs }: { readonly reconnectGraceMs: number }): number {
  return reconnectGraceMs + restartMs;
}

/** How far the packaging of a stream is: what a restart has to know besides the segments. */
export interface PackagingState {
  readonly targets: PlaylistTargets;
  /** Wall clock at media time 0. */
  readonly originWallMs: number;
  /** No segment has begun with this number, or a higher one. */
  readonly nextMsn: number;
  readonly renditions: readonly KeptRendition[];
  /** In the order in which they were added. */
  readonly dateRanges: readonly DateRange[];
  /** For the sections that end them. */
  readonly breaks: readonly SpliceBreak[];
  /** Of an encrypted stream: secrets. */
  readonly encryption: KeptEncryption | undefined;
}

export interface KeptRendition extends TimedTrack, RenditionInits {
  readonly name: string;
}

/** What the packaging of a stream goes on with after a restart. */
export interface PackagingBefore extends PackagingState {
  readonly mended: MendedStream;
  readonly ended: boolean;
}

/** Whoever writes down what a restart needs. Called synchronously; must return at once and must not throw. */
export interface PackagingKeeper {
  /** Before each of the others: whether somebody watches, and may have met what is to be kept. */
  onWatched(isWatched: boolean): void;
  /** A segment has begun that viewers will be told of. */
  onSegmentBegun(state: PackagingState, begun: BegunSegment): void;
  /** There is a rendition, an initialisation segment or a date range that there was not before, or no more. */
  onStateChanged(state: PackagingState): void;
  /** The rendition has one part more, or parts, which viewers will be told of. */
  onPart(rendition: Rendition): void;
  /** The rendition has one more complete segment, or a gap. */
  onSegment(rendition: Rendition): void;
  /** Nothing is open, and nothing will begin until a publisher comes. */
  onIdle(state: PackagingState): void;
  /** The stream is over; there was no segment if there is no state. */
  onEnd(state: PackagingState | undefined): void;
}
