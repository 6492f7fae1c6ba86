import { isIP } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { ProtocolError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { addressKey } from '../../policy/limits/address-key.ts';
import type { Revocation, RevocationKind, Revocations } from '../../policy/limits/revocations.ts';
import { type Guest, viewingName, type Viewings } from '../../policy/limits/viewings.ts';
import type { RevocationFile } from '../../stores/revocation-file.ts';
import type { RunningPlays } from './running-plays.ts';

/** What somebody watches or publishes now, as it is told to an operator. */
export interface SessionReport {
  readonly id: string;
  readonly protocol: string;
  readonly stream: string;
  /** Of IPv6 the /64. */
  readonly address: string;
  readonly grantId: string | undefined;
  readonly keyPairId: string | undefined;
  /** Since it began. */
  readonly seconds: number;
  /** Of a player with a connection. */
  readonly sentBytes: number | undefined;
}

/** A revocation, and how much it has ended at once. */
export type RevocationReport = Omit<Revocation, 'name'> & { readonly ended: number };

export interface AccessRevocationOptions {
  readonly revocations: Revocations;
  readonly viewings: Viewings;
  readonly runningPlays: RunningPlays;
  /** Breaks off the answers over HTTP that are for whom `isOver` says. Returns how many. */
  readonly endAnswersOf: (isOver: (guest: Guest) => boolean) => number;
  /** Without one nothing outlives a restart. */
  readonly file: RevocationFile | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Says who is here, and sends away who is not to be: what runs ends at once, what comes is refused. */
export class AccessRevocation {
  readonly #options: AccessRevocationOptions;

  constructor(options: AccessRevocationOptions) {
    this.#options = options;
  }

  /** Who watches and publishes, as far as it is known: HLS where there are limits or grants. The oldest first. */
  sessions(): readonly SessionReport[] {
    const { viewings, runningPlays, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    return viewings.list(nowMs).map((viewing) => {
      const { id, protocol, stream, address, grantId, keyPairId, beganMs } = viewing;
      const seconds = Math.floor((nowMs - beganMs) / 1_000);
      const sentBytes = protocol === 'publish' ? undefined : runningPlays.sentBytes(viewing);
      return { id, protocol, stream, address, grantId, keyPairId, seconds, sentBytes };
    });
  }

  revocations(): readonly Omit<Revocation, 'name'>[] {
    const { clock, revocations } = this.#options;
    return revocations.list(clock.wallMs()).map(({ kind, id, untilMs }) => ({ kind, id, untilMs }));
  }

  /**
   * In force when it returns. `forMs`: for ever if left out. Throws a `ProtocolError` for what there is nothing of by this
   * name, a `LimitError` for one revocation too many, and the system's error when it could not be written down.
   */
  revoke(kind: RevocationKind, id: string, forMs: number | undefined): RevocationReport {
    const { clock, revocations, runningPlays, endAnswersOf, log } = this.#options;
    const nowMs = clock.wallMs();
    const named = this.#named(kind, id);
    const revocation = { kind, ...named, untilMs: forMs === undefined ? undefined : nowMs + forMs };
    revocations.add(revocation, nowMs);
    const isOver = (guest: Guest) => isOf(revocation, guest);
    const ended = runningPlays.endThoseOf((viewing) => isOver({ ...viewing, viewing })) + endAnswersOf(isOver);
    log.info({ kind, id: named.id, ended }, 'Access was revoked');
    // Last: a disk that is full keeps nobody here.
    this.#keep();
    return { kind, id: named.id, untilMs: revocation.untilMs, ended };
  }

  /** Returns whether there was such a revocation. */
  takeBack(kind: RevocationKind, id: string): boolean {
    const { revocations, log } = this.#options;
    const found = revocations.takeBack(kind, kind === 'address' ? (addressNamed(id) ?? id) : id);
    if (!found) return false;
    this.#keep();
    log.info({ kind, id }, 'A revocation was taken back');
    return true;
  }

  #named(kind: RevocationKind, id: string): Pick<Revocation, 'name' | 'id'> {
    switch (kind) {
      case 'address': {
        const name = addressNamed(id);
        if (name === undefined) throw malformed(`"${id}" is no address such as 192.0.2.1 or 2001:db8::1`);
        return { name, id: name };
      }
      case 'session': {
        const viewing = this.#options.viewings.find(id);
        if (viewing === undefined) throw malformed(`there is no session "${id}": "streamfront sessions" lists them`);
        return { name: viewingName(viewing), id };
      }
      case 'key':
      case 'grant':
        if (!/^[\w-]{1,64}$/.test(id)) throw malformed(`"${id}" is no id: letters, digits, hyphens and underscores`);
        return { name: id, id };
    }
  }

  #keep(): void {
    const { clock, file, revocations } = this.#options;
    file?.write(revocations.list(clock.wallMs()));
  }
}

function isOf({ kind, name }: Revocation, guest: Guest): boolean {
  switch (kind) {
    case 'key':
      return guest.keyPairId === name;
    case 'grant':
      return guest.grantId === name;
    case 'address':
      return guest.address === name;
    case 'session':
      return guest.viewing !== undefined && viewingName(guest.viewing) === name;
  }
}

/** An address, or the /64 that `sessions` tells of one, as limits know it. */
function addressNamed(text: string): string | undefined {
  const address = text.replace(/::\/64$/, '::');
  return isIP(address) === 0 ? undefined : addressKey(address);
}

function malformed(sentence: string): ProtocolError {
  return new ProtocolError('REVOCATION_MALFORMED', sentence);
}
