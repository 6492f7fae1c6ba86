import { createCipheriv } from 'node:crypto';

/** Ciphertexts that are kept for those who ask for the same: the newest parts, in all renditions. */
const maxRecent = 8;

/** The initialisation vector that a player takes when a playlist says none (rfc8216bis §5.2). */
export function sequenceIv(msn: number): Uint8Array {
  const iv = new Uint8Array(16);
  new DataView(iv.buffer).setBigUint64(8, BigInt(msn));
  return iv;
}

/** AES-128-CBC with PKCS7 padding over the concatenation of the pieces (rfc8216bis §4.4.4.4, METHOD=AES-128). */
function encryptWhole(pieces: readonly Uint8Array[], secret: Uint8Array, iv: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-cbc', secret, iv);
  return Buffer.concat([...pieces.map((piece) => cipher.update(piece)), cipher.final()]);
}

/** Encrypts what is asked for when it is asked for; what many ask for at a time, once. */
export class WholeFileCipher {
  /** By path, the one that was used last at the end. */
  readonly #recent = new Map<string, Uint8Array>();

  /** `path` must never mean two things. */
  encrypt(path: string, pieces: readonly Uint8Array[], secret: Uint8Array, iv: Uint8Array): Uint8Array {
    const encrypted = this.#recent.get(path) ?? encryptWhole(pieces, secret, iv);
    this.#recent.delete(path);
    this.#recent.set(path, encrypted);
    const [oldest] = this.#recent.keys();
    if (this.#recent.size > maxRecent && oldest !== undefined) this.#recent.delete(oldest);
    return encrypted;
  }
}
