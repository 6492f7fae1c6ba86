import type { Clock } from '../base/clock.ts';
import type { LimitError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { FlvClientCapabilities } from '../formats/flv/client-capabilities.ts';
import type { FanOut } from '../live/fan-out.ts';
import type { PlayGate } from '../live/play-gate.ts';
import type { PublishGate } from './publish-gate.ts';
import type { SessionLimits } from './session-limits.ts';
import type { SessionOutput, SessionTransport } from './session-output.ts';

/** When a state has lasted too long, and what is said then. */
export interface Deadline {
  /** On the monotonic clock. */
  readonly atMs: number;
  readonly error: () => LimitError;
}

/** What a server needs to serve players. */
export interface PlayService {
  readonly gate: PlayGate;
  readonly fanOut: FanOut;
}

/** What a connected session and its message streams need of the connection around them. */
export interface ConnectedContext {
  readonly output: SessionOutput;
  readonly transport: SessionTransport;
  /** What the client can play. */
  readonly capabilities: FlvClientCapabilities;
  /** `undefined` refuses players. */
  readonly play: PlayService | undefined;
  readonly gate: PublishGate;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  /** Carries the peer already. */
  readonly log: Log;
  /** Closes the connection: for what happens while nothing is being received. */
  readonly fail: (error: unknown) => void;
  readonly onDeadlineChanged: () => void;
}
