import type { Clock } from '../base/clock.ts';
import type { LimitError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { PublishGate } from './publish-gate.ts';
import type { SessionLimits } from './session-limits.ts';
import type { SessionOutput } from './session-output.ts';

/** When a state has lasted too long, and what is said then. */
export interface Deadline {
  /** On the monotonic clock. */
  readonly atMs: number;
  readonly error: () => LimitError;
}

/** What a connected session and its message streams need of the connection around them. */
export interface ConnectedContext {
  readonly output: SessionOutput;
  readonly gate: PublishGate;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  /** Carries the peer already. */
  readonly log: Log;
  readonly peerAddress: string;
  readonly peerPort: number;
  /** Closes the connection: for what happens while nothing is being received. */
  readonly fail: (error: unknown) => void;
  readonly onDeadlineChanged: () => void;
}
