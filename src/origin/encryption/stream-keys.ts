import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { reasonOf } from '../../base/thrown.ts';
import type { EncryptionKey } from '../../formats/m3u8/encryption-key.ts';
import type { CmafTrackConfig } from '../../formats/cmaf/cmaf-track.ts';
import { isProtectable, type SampleProtection } from '../../formats/cmaf/sample-encryption.ts';
import { KeySchedule, type ScheduledKey, type StreamKey } from '../../policy/key-schedule.ts';
import { keyPath } from '../live-paths.ts';
import type { EncryptionRule } from './encryption-settings.ts';
import { fetchKey, filledIn, keyBytes } from './key-source.ts';
import type { ProtectionAt } from '../rendition.ts';
import { sampleProtection } from './sample-cipher.ts';
import { sequenceIv, WholeFileCipher } from './whole-file-cipher.ts';

/** What a restart has to know of the encryption of a stream: secrets. */
export interface KeptEncryption {
  readonly method: EncryptionRule['method'];
  readonly keys: readonly ScheduledKey[];
}

export interface StreamKeysOptions {
  /** `app/name`. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Of before a restart, by the same method. */
  readonly before?: { readonly encryption: KeptEncryption | undefined };
}

/** After a failure; twice as long after each further one. */
const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

/**
 * The keys of one live stream. The next one is fetched as soon as the one before is in use, so that nobody waits for it;
 * if it is not there when its time comes, the old one stays until a segment begins after it has come. Without any key
 * nothing is played: media never leaves in the clear.
 */
export class StreamKeys {
  readonly #rule: EncryptionRule;
  readonly #options: Omit<StreamKeysOptions, 'before'>;
  readonly #onReady: () => void;
  readonly #schedule: KeySchedule;
  readonly #cipher = new WholeFileCipher();
  #next: StreamKey | undefined;
  /** By key. */
  readonly #protections = new Map<string, SampleProtection>();
  /** The first segment there was. */
  #begun: { readonly msn: number; readonly startSeconds: number } | undefined;
  #failures = 0;
  #retry: Timer | undefined;
  #closed = false;

  /** `onReady` is called when there is a first key. */
  constructor(rule: EncryptionRule, { before, ...options }: StreamKeysOptions, onReady: () => void) {
    this.#rule = rule;
    this.#options = options;
    this.#onReady = onReady;
    this.#schedule = new KeySchedule(rule.rotation, before?.encryption?.keys);
  }

  /** Keys are fetched from now on. */
  start(): void {
    this.#fetchNext();
  }

  get method(): EncryptionRule['method'] {
    return this.#rule.method;
  }

  /** Segments and parts as they are sent, not what is in them. */
  get encryptsWholeFiles(): boolean {
    return this.method === 'AES-128';
  }

  /** Whether a track can be encrypted as the stream is. */
  protects(config: CmafTrackConfig): boolean {
    return this.encryptsWholeFiles || isProtectable(config);
  }

  /** There is a key for what is there. */
  get isReady(): boolean {
    return this.#schedule.newest !== undefined;
  }

  /** What a restart has to know. */
  get kept(): KeptEncryption {
    return { method: this.method, keys: this.#schedule.keys };
  }

  /** How the samples of segments are encrypted; `undefined` where they are not. */
  get protectionAt(): ProtectionAt | undefined {
    return this.encryptsWholeFiles ? undefined : this.#protectionAt;
  }

  /** Before anything of this segment is there. */
  onSegmentBegin(msn: number, startSeconds: number): void {
    this.#begun ??= { msn, startSeconds };
    const next = this.#next;
    if (next === undefined || !this.#schedule.isDue(msn, startSeconds)) return;
    this.#next = undefined;
    this.#schedule.use(next, msn, startSeconds);
    this.#fetchNext();
  }

  /** Nothing before this segment answers any more. */
  leaveBefore(msn: number): void {
    this.#schedule.leaveBefore(msn);
    const ids = new Set(this.#schedule.keys.map(({ id }) => id));
    for (const id of this.#protections.keys()) if (!ids.has(id)) this.#protections.delete(id);
  }

  /** What a media playlist says of a segment. Only when `isReady`. */
  playlistKeys(msn: number): readonly EncryptionKey[] {
    const key = this.#schedule.keyOf(msn);
    return key === undefined ? [] : [this.#playlistKey(key)];
  }

  /** What the multivariant playlist says. */
  sessionKeys(): readonly EncryptionKey[] {
    const { newest } = this.#schedule;
    return newest === undefined ? [] : [this.#playlistKey(newest)];
  }

  /** The bytes of a key that is in use, where this origin gives them to players. */
  bytesOf(id: string): Uint8Array | undefined {
    if (this.#rule.keyUri !== undefined) return undefined;
    return this.#schedule.keys.find((key) => key.id === id)?.bytes;
  }

  /** A segment or part as players get it; `path` names it. `undefined` without a key. */
  encrypted(path: string, msn: number, pieces: readonly Uint8Array[]): Uint8Array | undefined {
    const key = this.#schedule.keyOf(msn);
    return key && this.#cipher.encrypt(path, pieces, key.bytes, key.iv ?? sequenceIv(msn));
  }

  /** No further key is fetched. */
  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
  }

  /** The same object for the same key. */
  readonly #protectionAt = (msn: number): SampleProtection | undefined => {
    const key = this.#schedule.keyOf(msn);
    if (key?.iv === undefined) return undefined;
    const known = this.#protections.get(key.id);
    if (known !== undefined) return known;
    const protection = sampleProtection(key.id, key.bytes, key.iv);
    this.#protections.set(key.id, protection);
    return protection;
  };

  #playlistKey(key: StreamKey): EncryptionKey {
    const { keyUri } = this.#rule;
    const request = { name: this.#name, id: key.id, number: key.number };
    return {
      method: this.method,
      uri: keyUri === undefined ? keyPath(key.id) : filledIn(keyUri, request, encodeURIComponent),
      ...(key.iv === undefined ? {} : { iv: key.iv }),
    };
  }

  /** Without application. */
  get #name(): string {
    const { path } = this.#options;
    return path.slice(path.indexOf('/') + 1);
  }

  #fetchNext(): void {
    const rule = this.#rule;
    const { newest, isRotating } = this.#schedule;
    if (this.#closed || (newest !== undefined && !isRotating)) return;
    const id = randomBytes(keyBytes).toString('hex');
    const number = newest === undefined ? 0 : newest.number + 1;
    // Samples have a constant one, whatever the rule says.
    const iv = rule.iv === 'random' || !this.encryptsWholeFiles ? randomBytes(keyBytes) : undefined;
    const fetched = fetchKey(rule.keys, { name: this.#name, id, number });
    if (fetched instanceof Promise) {
      fetched.then(
        (bytes) => this.#take({ id, number, bytes, iv }),
        (error: unknown) => this.#failed(error),
      );
    } else this.#take({ id, number, bytes: fetched, iv });
  }

  #take(key: StreamKey): void {
    this.#failures = 0;
    if (this.isReady || this.#begun === undefined) {
      this.#next = key;
      return;
    }
    // Nobody has got anything yet: it is for all there is.
    this.#schedule.use(key, this.#begun.msn, this.#begun.startSeconds);
    this.#fetchNext();
    this.#onReady();
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    const { log, clock, path } = this.#options;
    const delayMs = Math.min(longestRetryMs, firstRetryMs * 2 ** this.#failures++);
    log.warn(
      { code: 'LIVE_KEY_FAILED', stream: path, reason: reasonOf(error) },
      this.isReady
        ? 'There is no next key for the stream: the one before stays in use until there is'
        : 'There is no key for the stream: it cannot be played until there is',
    );
    this.#retry = clock.after(delayMs, () => this.#fetchNext());
  }
}
