import type { VerifiedGrant } from '../../http/grant-verifier.ts';
import type { LiveAdmission, PlayRefused, PlayRequest, StoredAdmission } from '../../live/play-gate.ts';
import type { PublishRefused, PublishRequest } from '../../policy/publish-request.ts';
import type { PublishCircumstances } from '../../rtmp/publish-gate.ts';
import type { Attendance } from './attendance.ts';
import { excessRefusal } from './excess.ts';
import type { RunningPlays } from './running-plays.ts';
import type { ViewerLimits } from './viewer-limits.ts';

/** What is asked for over RTMP and FLV, as far as limits go. */
interface AskedStream {
  readonly limits: ViewerLimits | undefined;
  /** `app/name`. */
  readonly path: string;
}

/** Somebody who has entered, and has to leave. */
export interface Entered {
  readonly kind: 'entered';
  leave(): void;
}

/** A player, whose admission tells when it leaves. */
export interface EnteredPlayer extends Entered {
  watched<Admission extends LiveAdmission | StoredAdmission>(admission: Admission): Admission;
}

/** The limits, as players and encoders meet them that have a connection. */
export class PlayLimits {
  readonly #attendance: Attendance;
  readonly #running: RunningPlays;

  constructor(attendance: Attendance, running: RunningPlays) {
    this.#attendance = attendance;
    this.#running = running;
  }

  /** Before the grant. `undefined`: it may go on. */
  refuses(
    limits: ViewerLimits | undefined,
    { peerAddress }: Pick<PlayRequest, 'peerAddress'>,
  ): PlayRefused | undefined {
    const excess = this.#attendance.ofAddress(limits, peerAddress);
    if (excess === undefined) return undefined;
    this.#attendance.note(excess, peerAddress, undefined);
    return excessRefusal(excess);
  }

  /** The same for an encoder. */
  refusesEncoder({ limits, path }: AskedStream, request: PublishRequest): PublishRefused | undefined {
    const refusal = this.refuses(limits, request);
    return refusal && publishRefusal(refusal, path);
  }

  /** Behind the grant. */
  enter(
    { limits, path }: AskedStream,
    { peerAddress, protocol }: PlayRequest,
    grant: VerifiedGrant | undefined,
  ): EnteredPlayer | PlayRefused {
    const viewing = this.#attendance.ofStream(limits, peerAddress, grant, protocol, path);
    if ('kind' in viewing) {
      this.#attendance.note(viewing, peerAddress, grant);
      return excessRefusal(viewing);
    }
    this.#running.begin(viewing, limits);
    const leave = () => this.#running.end(viewing);
    return {
      kind: 'entered',
      leave,
      watched: (admission) => ({
        ...admission,
        attach: (play) => this.#running.attach(viewing, play),
        release: () => {
          leave();
          admission.release();
        },
      }),
    };
  }

  /** An encoder, admitted by its credentials. What ends it is told to `circumstances`. */
  enterEncoder(
    { limits, path }: AskedStream,
    { peerAddress }: PublishRequest,
    grant: VerifiedGrant | undefined,
    circumstances: Pick<PublishCircumstances, 'onEnded'>,
  ): Entered | PublishRefused {
    const viewing = this.#attendance.ofStream(limits, peerAddress, grant, 'publish', path);
    if ('kind' in viewing) {
      this.#attendance.note(viewing, peerAddress, grant);
      return publishRefusal(excessRefusal(viewing), path);
    }
    this.#running.begin(viewing, undefined);
    this.#running.attach(viewing, { sentBytes: () => 0, end: (error) => circumstances.onEnded(error) });
    return { kind: 'entered', leave: () => this.#running.end(viewing) };
  }
}

function publishRefusal({ code, sentence }: PlayRefused, path: string): PublishRefused {
  return { kind: 'refused', statusCode: 'NetStream.Publish.Unauthorized', code, path, sentence };
}
