import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { ColorInfo } from '../formats/media/color-info.ts';
import type { DataMessage } from '../formats/media/data-message.ts';
import type { TrackConfig } from '../formats/media/track.ts';
import type { LiveStream } from './live-stream.ts';

/**
 * The right to publish one stream, or to stand by for it. Ends when it is released, taken over, or the directory
 * closes; from then on everything pushed is dropped.
 */
export interface PublicationLease {
  readonly stream: LiveStream;
  readonly active: boolean;
  setTrackConfig(config: TrackConfig): void;
  setColorInfo(trackId: number, colorInfo: ColorInfo | undefined): void;
  push(unit: AccessUnit): void;
  pushData(message: DataMessage): void;
  /** As of the stream. */
  leaveUnreadMs(maxMs: number, readNow: () => void): number;
  /** What the encoder calls itself, learned after the publication began. */
  nameEncoder(encoder: string): void;
  /** The publisher has left; the stream waits for it for the reconnect grace. Harmless when called again. */
  release(): void;
}

/** Where what is pushed goes now: into the stream, into what is kept of a publisher that stands by, or nowhere. */
export interface LeaseTarget {
  readonly kept: LiveStream;
  /** After the access unit is in `kept`. */
  readonly onUnit: (unit: AccessUnit) => void;
}

/** A lease whose publisher can be put on the air and taken off it. */
export class SwitchedLease implements PublicationLease {
  readonly stream: LiveStream;
  readonly #onRelease: () => void;
  #target: LeaseTarget | undefined;

  constructor(stream: LiveStream, target: LeaseTarget, onRelease: () => void) {
    this.stream = stream;
    this.#target = target;
    this.#onRelease = onRelease;
  }

  get active(): boolean {
    return this.#target !== undefined;
  }

  setTrackConfig(config: TrackConfig): void {
    this.#target?.kept.setTrackConfig(config);
  }

  setColorInfo(trackId: number, colorInfo: ColorInfo | undefined): void {
    this.#target?.kept.setColorInfo(trackId, colorInfo);
  }

  push(unit: AccessUnit): void {
    const target = this.#target;
    if (target === undefined) return;
    target.kept.push(unit);
    target.onUnit(unit);
  }

  pushData(message: DataMessage): void {
    this.#target?.kept.pushData(message);
  }

  leaveUnreadMs(maxMs: number, readNow: () => void): number {
    return this.#target?.kept.leaveUnreadMs(maxMs, readNow) ?? 0;
  }

  nameEncoder(encoder: string): void {
    this.#target?.kept.nameEncoder(encoder);
  }

  release(): void {
    if (this.#target === undefined) return;
    this.#target = undefined;
    this.#onRelease();
  }

  /** The publisher goes on the air, or off it. */
  direct(target: LeaseTarget): void {
    if (this.#target !== undefined) this.#target = target;
  }

  /** The stream has another publisher, or is over: nothing of this one reaches it any more. */
  revoke(): void {
    this.#target = undefined;
  }
}
