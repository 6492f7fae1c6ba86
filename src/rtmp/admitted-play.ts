import type { Deadline } from './connected-context.ts';

/** What a player has asked for before it was known whether it may play. */
export interface EarlyWishes {
  paused: boolean;
  seekMs: number | undefined;
  audio: boolean;
  video: boolean;
  /** Its SetBufferLength; `undefined` where it has said none. */
  bufferMs: number | undefined;
}

/** What a player may play: a live stream or a stored file. */
export interface AdmittedPlay {
  /** `app/name`, for the log. */
  readonly path: string;
  /** Of what was sent last; `undefined` of a live stream. */
  readonly positionMs: number | undefined;
  readonly isStored: boolean;
  /** Everything has been sent; never of a live stream. */
  readonly isFinished: boolean;
  /** Begins, once. */
  start(): void;
  /** `atMs`: where the player says that it is. */
  pause(paused: boolean, atMs: number | undefined): void;
  /** `undefined`: the player has named no time. */
  seek(toMs: number | undefined): void;
  receive(kind: 'audio' | 'video', wanted: boolean): void;
  setBuffer(bufferMs: number): void;
  /** Acknowledgement of what has come over the connection. */
  acknowledge(sequenceNumber: number): void;
  deadline(): Deadline | undefined;
  /** Nothing more is sent. Of a failure the log has its own line. Called once. */
  end(how: 'left' | 'failed'): void;
}
