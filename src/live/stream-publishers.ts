import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { PublisherRole } from '../policy/publish-credentials.ts';
import { copyPublication } from './copy-publication.ts';
import { LiveStream, type Publication } from './live-stream.ts';
import { type PublicationLease, SwitchedLease } from './publication-lease.ts';
import { type Slate, SlatePlayer } from './slate.ts';

/** When one of two publishers of a stream takes over from the other. */
export interface BackupSettings {
  /** Without media for this long, whoever is on the air gives way to the one that stands by. */
  readonly takeOverAfterMs: number;
  /** Whether the primary goes on the air again when it is back. */
  readonly handBack: boolean;
  /** For how long it must have sent without such a pause before. */
  readonly handBackAfterMs: number;
}

export interface StreamPublishersOptions {
  readonly stream: LiveStream;
  readonly clock: Clock;
  readonly log: Log;
  readonly backup: BackupSettings;
  /** What plays while nobody publishes; nothing does if left out. */
  readonly slate?: Slate | undefined;
  /** The last publisher has left. */
  readonly onVacant: () => void;
}

export interface PublisherOffer {
  readonly role: PublisherRole;
  readonly publication: Publication;
  readonly credential: string | undefined;
  readonly onTakenOver: () => void;
}

/** One of those that publish a stream, for the list of streams. */
export interface PublisherState {
  readonly role: PublisherRole | 'slate';
  /** `standby`: ready to take over. */
  readonly state: 'active' | 'standby';
  readonly publication: Publication;
}

/** Of the time after which somebody counts as silent, how much of it may pass until what has come is read. */
const unreadShare = 0.1;

interface Seat extends PublisherOffer {
  readonly lease: SwitchedLease;
  /** What is kept of it while it stands by; `undefined` on the air. */
  standby: LiveStream | undefined;
  lastUnitMs: number;
  /** Since when it has sent without a pause. */
  steadySinceMs: number;
  /** It was silent when the slate took over: what is kept of it begins with this. */
  stalled: { readonly gopFrom: AccessUnit | undefined } | undefined;
}

/**
 * Who has stalled sends at once what it has missed. Were it put on the air with the first keyframe of that, the time of
 * the stream would run ahead of the clock for good.
 */
const settleMs = 500;

/**
 * Those who publish one stream: one of them on the air, and perhaps another that stands by, its running GOP kept. When
 * the one on the air leaves or stalls the other takes over at once, from its latest keyframe on; to followers of the
 * stream that is a new publication. While there is none, the slate plays: whoever comes then takes over from it with a
 * first keyframe.
 */
export class StreamPublishers {
  readonly #options: StreamPublishersOptions;
  readonly #seats = new Map<PublisherRole, Seat>();
  #onAir: Seat | undefined;
  #watch: Timer | undefined;
  readonly #slate: SlatePlayer | undefined;
  /** Somebody has sent something. */
  #isKnown = false;

  constructor(options: StreamPublishersOptions) {
    this.#options = options;
    const { slate } = options;
    this.#slate = slate && new SlatePlayer({ ...options, slate });
  }

  get isVacant(): boolean {
    return this.#seats.size === 0;
  }

  /** The one on the air first. */
  states(): PublisherState[] {
    const { publication: played } = this.#options.stream;
    const slate = played?.isSlate === true ? [{ role: 'slate', state: 'active', publication: played } as const] : [];
    const seats = [...this.#seats.values()]
      .map(({ role, standby, publication }): PublisherState => {
        const kept = (standby ?? this.#options.stream).publication;
        return { role, state: standby === undefined ? 'active' : 'standby', publication: kept ?? publication };
      })
      .sort((a, b) => a.state.localeCompare(b.state));
    return [...slate, ...seats];
  }

  /** The stream has been published before a restart: it may have a slate without having been published since. */
  revive(): void {
    this.#isKnown = true;
    this.#slate?.schedule();
  }

  /** Whether a publisher that comes now would displace one: it is the same encoder, come again. */
  displaces(role: PublisherRole): boolean {
    return this.#seats.has(role);
  }

  /** Whether whoever has `credential` may come to those who are there. */
  admits(role: PublisherRole, credential: string | undefined): boolean {
    const held = this.#seats.get(role);
    if (held !== undefined) return credential !== undefined && held.credential === credential;
    return [...this.#seats.values()].every((other) => other.credential === credential);
  }

  admit(offer: PublisherOffer): PublicationLease {
    const { stream, clock } = this.#options;
    this.#slate?.hold();
    this.#displace(offer.role);
    const nowMs = clock.monotonicMs();
    const standby = this.#newStandby();
    standby.startPublication(offer.publication);
    const lease = new SwitchedLease(stream, { kept: standby, onUnit: (unit) => this.#onStandbyUnit(seat, unit) }, () =>
      this.#released(seat),
    );
    const seat: Seat = { ...offer, lease, standby, lastUnitMs: nowMs, steadySinceMs: nowMs, stalled: undefined };
    this.#seats.set(offer.role, seat);
    if (this.#onAir === undefined && this.#slate?.isOnAir !== true) this.#putOnAir(seat);
    else this.#options.log.info({ stream: stream.path, role: offer.role }, 'Publisher stands by');
    this.#watchAgain();
    return lease;
  }

  /** What plays comes to its end, as if a publisher had left. */
  stopSlate(): void {
    this.#slate?.stop();
  }

  /** The stream is over. */
  revokeAll(): void {
    for (const { lease } of this.#seats.values()) lease.revoke();
    this.#seats.clear();
    this.#onAir = undefined;
    this.#slate?.stop();
    this.#watchAgain();
  }

  #displace(role: PublisherRole): void {
    const seat = this.#seats.get(role);
    if (seat === undefined) return;
    const { stream, log } = this.#options;
    log.info({ stream: stream.path, peer: seat.publication.peer }, 'Publisher takes its stream over');
    seat.lease.revoke();
    this.#leaves(seat);
    seat.onTakenOver();
  }

  #released(seat: Seat): void {
    this.#leaves(seat);
    if (!this.isVacant) return;
    if (this.#isKnown) this.#slate?.schedule();
    this.#options.onVacant();
  }

  #leaves(seat: Seat): void {
    const { stream, log } = this.#options;
    this.#seats.delete(seat.role);
    if (this.#onAir === seat) {
      this.#onAir = undefined;
      stream.stopPublication();
      const [other] = this.#seats.values();
      if (other !== undefined) {
        log.warn({ stream: stream.path, role: other.role }, 'Publisher has left, the other takes over');
        this.#putOnAir(other);
      }
    }
    this.#watchAgain();
  }

  #putOnAir(seat: Seat): void {
    const { stream, clock } = this.#options;
    const { standby } = seat;
    this.#onAir = seat;
    seat.standby = undefined;
    seat.stalled = undefined;
    seat.lastUnitMs = clock.monotonicMs();
    seat.lease.direct({ kept: stream, onUnit: () => this.#noteUnit(seat) });
    if (standby !== undefined) copyPublication(standby, stream);
  }

  #takeOffAir(seat: Seat): void {
    const { stream } = this.#options;
    const standby = this.#newStandby();
    copyPublication(stream, standby);
    seat.standby = standby;
    seat.lease.direct({ kept: standby, onUnit: (unit) => this.#onStandbyUnit(seat, unit) });
    stream.stopPublication();
  }

  #newStandby(): LiveStream {
    const { stream, backup } = this.#options;
    const standby = new LiveStream(stream.path);
    standby.readWithin(backup.takeOverAfterMs * unreadShare);
    return standby;
  }

  #switchTo(seat: Seat): void {
    if (this.#onAir !== undefined) this.#takeOffAir(this.#onAir);
    this.#putOnAir(seat);
    this.#watchAgain();
  }

  #noteUnit(seat: Seat): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#isKnown = true;
    if (nowMs - seat.lastUnitMs >= this.#options.backup.takeOverAfterMs) seat.steadySinceMs = nowMs;
    seat.lastUnitMs = nowMs;
  }

  #onStandbyUnit(seat: Seat, unit: AccessUnit): void {
    this.#noteUnit(seat);
    const { standby } = seat;
    if (standby === undefined) return;
    if (seat.stalled !== undefined && this.#slate?.isOnAir === true) {
      this.#watch ??= this.#options.clock.after(settleMs, () => this.#settle(seat));
      return;
    }
    if (!canBeginWith(standby, unit)) return;
    if (this.#slate?.isOnAir === true) {
      this.#replaceSlate(seat);
      return;
    }
    const { backup, clock, log, stream } = this.#options;
    if (this.#isStalled(this.#onAir)) {
      this.#giveWay(seat);
      return;
    }
    const isBack = clock.monotonicMs() - seat.steadySinceMs >= backup.handBackAfterMs;
    if (seat.role !== 'primary' || !backup.handBack || !isBack) return;
    log.info({ stream: stream.path, role: seat.role }, 'Primary publisher is back on the air');
    this.#switchTo(seat);
  }

  /** Of who is on the air, as long as there is somebody or something to give way to. */
  #watchAgain(): void {
    this.#watch?.cancel();
    this.#watch = undefined;
    const onAir = this.#onAir;
    const { stream, clock, backup, slate } = this.#options;
    const limitMs = this.#seats.size < 2 ? slate?.stallMs : backup.takeOverAfterMs;
    stream.readWithin((limitMs ?? Infinity) * unreadShare);
    if (onAir === undefined || limitMs === undefined) return;
    const silentMs = clock.monotonicMs() - onAir.lastUnitMs;
    // One that has stalled gives way to the other's next keyframe, if that is not there yet.
    const delayMs = silentMs < limitMs ? limitMs - silentMs : limitMs;
    this.#watch = clock.after(delayMs, () => this.#lookForStall());
  }

  #lookForStall(): void {
    const onAir = this.#onAir;
    const other = [...this.#seats.values()].find((seat) => seat !== onAir);
    if (other !== undefined && this.#isStalled(onAir) && this.#isReady(other)) this.#giveWay(other);
    else if (onAir !== undefined) this.#lookForSlate(onAir);
  }

  #giveWay(to: Seat): void {
    const { stream, log, backup } = this.#options;
    log.warn(
      { code: 'PUBLISHER_STALLED', stream: stream.path, role: to.role, silentMs: backup.takeOverAfterMs },
      'Publisher sends nothing, the other takes over',
    );
    this.#switchTo(to);
  }

  /** Nobody is ready to take over: the slate is, after some more time. */
  #lookForSlate(onAir: Seat): void {
    const { stream, clock, log, slate } = this.#options;
    if (slate !== undefined && this.#isKnown && clock.monotonicMs() - onAir.lastUnitMs >= slate.stallMs) {
      log.warn(
        { code: 'PUBLISHER_STALLED', stream: stream.path, role: onAir.role, silentMs: slate.stallMs },
        'Publisher sends nothing, the slate takes over',
      );
      this.#takeOffAir(onAir);
      this.#onAir = undefined;
      for (const seat of this.#seats.values()) seat.stalled = { gopFrom: seat.standby?.runningGop[0] };
      this.#slate?.play();
    }
    this.#watchAgain();
  }

  /** With its running GOP if that has begun since, else with its next keyframe. */
  #settle(seat: Seat): void {
    const { stalled, standby } = seat;
    this.#watch = undefined;
    seat.stalled = undefined;
    if (standby === undefined) return;
    const [gopFrom] = standby.runningGop;
    if (!hasVideo(standby) || (gopFrom !== undefined && gopFrom !== stalled?.gopFrom)) this.#replaceSlate(seat);
  }

  #replaceSlate(seat: Seat): void {
    this.#slate?.stop();
    this.#putOnAir(seat);
    this.#watchAgain();
  }

  #isStalled(seat: Seat | undefined): boolean {
    const { clock, backup } = this.#options;
    return seat !== undefined && clock.monotonicMs() - seat.lastUnitMs >= backup.takeOverAfterMs;
  }

  #isReady(seat: Seat): boolean {
    const { standby } = seat;
    return standby !== undefined && !this.#isStalled(seat) && (standby.runningGop.length > 0 || !hasVideo(standby));
  }
}

/** Whether a decoder can begin with this access unit, which has just come: nothing is lost by switching now. */
function canBeginWith(standby: LiveStream, { kind, trackId }: AccessUnit): boolean {
  if (!hasVideo(standby)) return true;
  const [first, second] = standby.runningGop;
  return second === undefined && first?.kind === kind && first.trackId === trackId;
}

function hasVideo(stream: LiveStream): boolean {
  return stream.trackConfigs.some(({ kind }) => kind === 'video');
}
