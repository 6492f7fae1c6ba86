/** A key of a live stream: 16 bytes, for all its renditions, from one segment on. */
export interface StreamKey {
  /** Unlike that of any other key, of this stream or another. */
  readonly id: string;
  /** Counts the keys of the stream, from 0. */
  readonly number: number;
  /** 16 bytes: a secret. */
  readonly bytes: Uint8Array;
  /** 16 bytes; `undefined`: the sequence number of the segment. */
  readonly iv: Uint8Array | undefined;
}

/** A key with its place in the stream. */
export interface ScheduledKey extends StreamKey {
  readonly firstMsn: number;
  /** Media time of that segment. */
  readonly startSeconds: number;
}

/** When the next key is used: with the first segment that begins this far behind the first one of the key before. */
export type KeyRotation =
  | { readonly kind: 'never' }
  | { readonly kind: 'segments'; readonly count: number }
  | { readonly kind: 'time'; readonly seconds: number };

/** A clock that counts in frames is this wrong about when a segment begins. */
const toleranceSeconds = 0.05;

/** Which key a segment is encrypted with. */
export class KeySchedule {
  readonly #rotation: KeyRotation;
  /** In the order of their segments. */
  readonly #keys: ScheduledKey[];

  constructor(rotation: KeyRotation, restored: readonly ScheduledKey[] = []) {
    this.#rotation = rotation;
    this.#keys = [...restored];
  }

  /** Those that something which still answers may be encrypted with, oldest first. */
  get keys(): readonly ScheduledKey[] {
    return this.#keys;
  }

  get newest(): ScheduledKey | undefined {
    return this.#keys.at(-1);
  }

  /** Segments before the first key have it too: nobody has got them without. */
  keyOf(msn: number): ScheduledKey | undefined {
    return this.#keys.findLast(({ firstMsn }) => firstMsn <= msn) ?? this.#keys[0];
  }

  /** Whether the segment that begins now is to have a new key. */
  isDue(msn: number, startSeconds: number): boolean {
    const { newest } = this;
    if (newest === undefined) return true;
    switch (this.#rotation.kind) {
      case 'never':
        return false;
      case 'segments':
        return msn - newest.firstMsn >= this.#rotation.count;
      case 'time':
        return startSeconds - newest.startSeconds >= this.#rotation.seconds - toleranceSeconds;
    }
  }

  /** Whether there will ever be another key. */
  get isRotating(): boolean {
    return this.#rotation.kind !== 'never';
  }

  /** From this segment on; segments must not go back. */
  use(key: StreamKey, msn: number, startSeconds: number): void {
    this.#keys.push({ ...key, firstMsn: msn, startSeconds });
  }

  /** Nothing before this segment answers any more. */
  leaveBefore(msn: number): void {
    while (this.#keys[1] !== undefined && this.#keys[1].firstMsn <= msn) this.#keys.shift();
  }
}
