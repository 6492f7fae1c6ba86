import type { StreamFrontError } from '../base/errors.ts';
import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { ColorInfo } from '../formats/media/color-info.ts';
import type { DataMessage } from '../formats/media/data-message.ts';
import type { TrackConfig } from '../formats/media/track.ts';
import type { PublishRefused, PublishRequest } from '../policy/publish-request.ts';

export type PublishAdmission =
  | {
      readonly kind: 'admitted';
      /** `app/name`, for the log. */
      readonly path: string;
      readonly sink: PublicationSink;
    }
  | PublishRefused;

/** Where what an admitted encoder sends goes. */
export interface PublicationSink {
  setTrackConfig(config: TrackConfig): void;
  /** Of a video track; `undefined` takes back what was said. May come before the configuration of the track. */
  setColorInfo(trackId: number, colorInfo: ColorInfo | undefined): void;
  push(unit: AccessUnit): void;
  /** Metadata, text, cues. */
  pushData(message: DataMessage): void;
  /** What the encoder calls itself in its metadata, which says more than `connect` does. */
  nameEncoder(encoder: string): void;
  /**
   * Returns how long what comes next may be left unread, `maxMs` at most, so that more of it comes at once. Not at all if
   * left out. `readNow` may be called before that is over: then it has to be read at once.
   */
  leaveUnreadMs?(maxMs: number, readNow: () => void): number;
  /** The encoder has left. Harmless when called again. */
  release(): void;
}

/** What whoever admits gets to know of the connection, and the ways to end a publication later. */
export interface PublishCircumstances {
  /** Call once when another encoder has taken the stream over. */
  readonly onTakenOver: () => void;
  /** Call once when the publication cannot go on, the origin gone for too long say: the encoder is told the sentence. */
  readonly onEnded: (error: StreamFrontError) => void;
  /** Aborted when the encoder has left, or the answer takes too long. */
  readonly signal: AbortSignal;
}

/** Who decides whether an encoder may publish: what the RTMP server knows of policy and of streams. */
export interface PublishGate {
  /** Whether `admit` would refuse, as far as that can be told at once. Changes nothing. */
  examine(request: PublishRequest): PublishRefused | undefined;
  /**
   * Rejects with the reason of `signal`, or with an error that ends the connection. What is admitted after `signal` was
   * aborted is released by the caller.
   */
  admit(request: PublishRequest, circumstances: PublishCircumstances): Promise<PublishAdmission>;
}

/** The sink, which says each time when it has been released. */
export function announcingRelease(sink: PublicationSink, onReleased: () => void): PublicationSink {
  return {
    setTrackConfig: (config) => sink.setTrackConfig(config),
    setColorInfo: (trackId, colorInfo) => sink.setColorInfo(trackId, colorInfo),
    push: (unit) => sink.push(unit),
    pushData: (message) => sink.pushData(message),
    nameEncoder: (encoder) => sink.nameEncoder(encoder),
    leaveUnreadMs: (maxMs, readNow) => sink.leaveUnreadMs?.(maxMs, readNow) ?? 0,
    release: () => {
      sink.release();
      onReleased();
    },
  };
}
