import type { Clock } from '../base/clock.ts';
import type { PublishAuthority } from '../http/publish-authority.ts';
import { publisherRole } from '../policy/publish-credentials.ts';
import type { PublishRefused, PublishRequest } from '../policy/publish-request.ts';
import type { PublicationRefused, PublishOffer, PublishOutcome, StreamDirectory } from '../live/stream-directory.ts';
import { sleep } from '../rtmp/abortable-wait.ts';
import {
  announcingRelease,
  type PublishAdmission,
  type PublishCircumstances,
  type PublishGate,
} from '../rtmp/publish-gate.ts';
import { peerName } from '../rtmp/rtmp-server.ts';

/**
 * An encoder that is started anew, without a key by which it would take its own place: what the one before has sent, that it
 * leaves with the rest, may have been left unread (`rtmp/read-gathering`), and so may its end, which is read behind the last of
 * that: each is read now, one after the other.
 */
const busyWaits = 45;
const busyWaitMs = 50;

/** Asks the credentials who may publish, and the directory where to. */
export class DirectoryGate implements PublishGate {
  readonly #authority: PublishAuthority;
  readonly #directory: StreamDirectory;
  readonly #clock: Clock;

  constructor(authority: PublishAuthority, directory: StreamDirectory, clock: Clock) {
    this.#authority = authority;
    this.#directory = directory;
    this.#clock = clock;
  }

  examine(request: PublishRequest): PublishRefused | undefined {
    const denied = this.#authority.examine(request);
    if (denied !== undefined) return denied;
    const foreseen = this.#authority.foresee(request);
    if (foreseen === undefined) return undefined;
    const { path, credential } = foreseen;
    const refusal = this.#directory.examine(path, publisherRole(request), credential);
    return refusal && refusedByDirectory(path, refusal);
  }

  async admit(request: PublishRequest, { onTakenOver, signal }: PublishCircumstances): Promise<PublishAdmission> {
    const permission = await this.#authority.authorize(request, signal);
    if (permission.kind === 'refused') return permission;
    const { path, credential, ended } = permission;
    if (signal.aborted) {
      ended('not-started');
      signal.throwIfAborted();
    }
    const offer: PublishOffer = {
      path,
      role: publisherRole(request),
      credential,
      onTakenOver: () => {
        ended('taken-over');
        onTakenOver();
      },
      publication: {
        peer: peerName(request.peerAddress, request.peerPort),
        encoder: request.encoder,
        startedWallMs: this.#clock.wallMs(),
      },
    };
    let outcome = this.#directory.publish(offer);
    for (let waits = 0; waits < busyWaits && isBusy(outcome); waits++) {
      this.#directory.get(path)?.readNow();
      try {
        await sleep(this.#clock, busyWaitMs, signal);
      } catch (error) {
        ended('not-started');
        throw error;
      }
      outcome = this.#directory.publish(offer);
    }
    if (outcome.kind === 'granted') {
      return { kind: 'admitted', path, sink: announcingRelease(outcome.lease, () => ended('ended')) };
    }
    ended('not-started');
    return refusedByDirectory(path, outcome);
  }
}

function isBusy(outcome: PublishOutcome): boolean {
  return outcome.kind === 'refused' && outcome.reason === 'busy';
}

const refusalCodes = {
  busy: 'PUBLISH_BUSY',
  quarrel: 'PUBLISH_QUARREL',
  full: 'PUBLISH_FULL',
  closed: 'PUBLISH_CLOSED',
} as const satisfies Record<PublicationRefused['reason'], string>;

function refusedByDirectory(path: string, { reason, sentence }: PublicationRefused): PublishRefused {
  return {
    kind: 'refused',
    statusCode: 'NetStream.Publish.BadName',
    code: refusalCodes[reason],
    path,
    sentence,
  };
}
