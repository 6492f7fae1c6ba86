import { createCipheriv } from 'node:crypto';
import type { SampleProtection } from '../../formats/cmaf/sample-encryption.ts';

/** `id`: the key's, in hexadecimal digits; names it in initialisation segments. */
export function sampleProtection(id: string, secret: Uint8Array, constantIv: Uint8Array): SampleProtection {
  return {
    keyId: Uint8Array.fromHex(id),
    constantIv,
    encryptBlocks: (blocks) => createCipheriv('aes-128-cbc', secret, constantIv).setAutoPadding(false).update(blocks),
  };
}
