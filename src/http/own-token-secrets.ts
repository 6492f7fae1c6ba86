import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Log } from '../base/log.ts';
import { codeOf } from '../base/thrown.ts';
import { writeWholeFile } from '../stores/whole-file.ts';
import type { TokenSecrets } from './grant-tokens.ts';

/** Tokens are made with a secret for so long, and accepted for as long again: none is good for longer. */
const secretLifeMs = 30 * 86_400_000;
const secretBytes = 32;

const fileSchema = z.array(z.object({ madeMs: z.number(), secret: z.base64().length(44) })).max(8);

interface OwnSecret {
  readonly madeMs: number;
  readonly bytes: Buffer;
}

/**
 * Secrets that an edge makes for itself, a new one each month. They lie in a file that only its user may read, so that
 * tokens outlive a restart; without a file they last as long as the process.
 */
export class OwnTokenSecrets implements TokenSecrets {
  readonly #file: string | undefined;
  readonly #log: Log;
  /** The newest is first. */
  #secrets: readonly OwnSecret[];
  #accepted: readonly Buffer[] = [];
  #acceptedUntilMs = -Infinity;

  constructor(file: string | undefined, log: Log) {
    this.#file = file;
    this.#log = log;
    this.#secrets = file === undefined ? [] : this.#read(file);
  }

  signing(nowMs: number, expiresSeconds: number): { secret: Buffer; expiresSeconds: number } {
    const newest = this.#secrets[0];
    const own = newest !== undefined && isYoungerThan(newest, secretLifeMs, nowMs) ? newest : this.#make(nowMs);
    const lastSeconds = Math.floor((own.madeMs + 2 * secretLifeMs) / 1_000);
    return { secret: own.bytes, expiresSeconds: Math.min(expiresSeconds, lastSeconds) };
  }

  accepted(nowMs: number): readonly Buffer[] {
    if (nowMs < this.#acceptedUntilMs) return this.#accepted;
    const counting = this.#secrets.filter((own) => isYoungerThan(own, 2 * secretLifeMs, nowMs));
    this.#accepted = counting.map(({ bytes }) => bytes);
    this.#acceptedUntilMs = Math.min(...counting.map(({ madeMs }) => madeMs + 2 * secretLifeMs));
    return this.#accepted;
  }

  /** There is nothing to let go of. */
  close(): void {}

  #make(nowMs: number): OwnSecret {
    const made = { madeMs: nowMs, bytes: randomBytes(secretBytes) };
    this.#secrets = [made, ...this.#secrets.filter((own) => isYoungerThan(own, 2 * secretLifeMs, nowMs))].slice(0, 8);
    this.#acceptedUntilMs = -Infinity;
    if (this.#file !== undefined) this.#write(this.#file);
    return made;
  }

  /** What cannot be read is made anew: viewers open their playlists again. */
  #read(file: string): readonly OwnSecret[] {
    try {
      chmodSync(file, 0o600);
      const kept = fileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
      return kept.map(({ madeMs, secret }) => ({ madeMs, bytes: Buffer.from(secret, 'base64') }));
    } catch (cause) {
      const code = codeOf(cause) ?? 'damaged';
      if (code !== 'ENOENT')
        this.#log.warn({ file, code }, 'the secrets of grant tokens cannot be read: new ones are made');
      return [];
    }
  }

  #write(file: string): void {
    const kept = this.#secrets.map(({ madeMs, bytes }) => ({ madeMs, secret: bytes.toString('base64') }));
    try {
      writeWholeFile(file, `${JSON.stringify(kept)}\n`, { readableBy: 'owner', synced: false });
    } catch (cause) {
      const code = codeOf(cause) ?? 'unknown';
      this.#log.warn({ file, code }, 'the secrets of grant tokens cannot be kept: tokens end with this process');
    }
  }
}

/** One that comes from the future was made by a clock that has been set back since. */
function isYoungerThan({ madeMs }: OwnSecret, ageMs: number, nowMs: number): boolean {
  return nowMs - madeMs < ageMs && madeMs - nowMs < ageMs;
}
