import { constants, gzipSync } from 'node:zlib';

/** A text that is sent many times: encoded once, and compressed once when somebody first takes it so. */
export class EncodedText {
  readonly plain: Buffer;
  #gzip: Buffer | undefined;

  constructor(text: string) {
    this.plain = Buffer.from(text);
  }

  get gzip(): Buffer {
    this.#gzip ??= gzipSync(this.plain, { level: constants.Z_DEFAULT_COMPRESSION });
    return this.#gzip;
  }
}
