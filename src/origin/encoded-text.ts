import { gzipSync } from 'node:zlib';

/** What zlib takes for its tables: by itself 256 KiB, which is most of the work for a text of two or three. */
const memLevel = 5;
const [leastWindowBits, mostWindowBits] = [9, 15];
/** Room for what comes out, to begin with; by itself 16 KiB. */
const chunkSize = 4_096;

/** A text that is sent many times: encoded once, and compressed once when somebody first takes it so. */
export class EncodedText {
  readonly plain: Buffer;
  #gzip: Buffer | undefined;

  constructor(text: string) {
    this.plain = Buffer.from(text);
  }

  get gzip(): Buffer {
    if (this.#gzip === undefined) {
      const lengthBits = 32 - Math.clz32(this.plain.length);
      const windowBits = Math.min(mostWindowBits, Math.max(leastWindowBits, lengthBits));
      this.#gzip = gzipSync(this.plain, { memLevel, windowBits, chunkSize });
    }
    return this.#gzip;
  }
}
