import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../base/errors.ts';
import { codeOf } from '../base/thrown.ts';
import { type Revocation, revocationKinds } from '../policy/limits/revocations.ts';
import { writeWholeFile } from './whole-file.ts';

const fileSchema = z.strictObject({
  revocations: z.array(
    z
      .strictObject({ kind: z.enum(revocationKinds), name: z.string(), id: z.string(), untilMs: z.number().optional() })
      .transform(({ untilMs, ...rest }): Revocation => ({ ...rest, untilMs })),
  ),
});

/** Keeps revocations where a restart does not reach them; only their owner may read them: addresses of people are in it. */
export class RevocationFile {
  readonly #file: string;

  constructor(dataFolder: string) {
    this.#file = join(dataFolder, 'revocations.json');
  }

  /**
   * What was kept; nothing if the file is not there. Throws a `ConfigError` for one that cannot be read: an edge that
   * forgets whom it has sent away would let them in.
   */
  read(): readonly Revocation[] {
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return [];
      throw new ConfigError('revocations cannot be read:', [`${this.#file} cannot be read (${String(cause)})`]);
    }
    try {
      return fileSchema.parse(JSON.parse(text)).revocations;
    } catch {
      const remedy = 'mend it, or take it away to let everybody in again who was sent away';
      throw new ConfigError('revocations cannot be read:', [`${this.#file} is damaged: ${remedy}`]);
    }
  }

  /** On the disk when it returns, all of it or what was there before. Throws the system's error. */
  write(revocations: readonly Revocation[]): void {
    writeWholeFile(this.#file, `${JSON.stringify({ revocations })}\n`, { readableBy: 'owner', synced: true });
  }
}
