import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { unreadable } from '../unreadable-file.ts';

/** Reads the file of a public key that grants can be verified with. What is wrong with it is said in words. */
export function readPublicKey(file: string): KeyObject | string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    return unreadable(file, cause);
  }
  // Node would take the public half of it: an edge that holds what signs grants is not what was meant.
  if (text.includes('PRIVATE KEY')) {
    return `${file} holds a private key, and only the public one is needed: "openssl pkey -in ${file} -pubout" writes it`;
  }
  let key: KeyObject;
  try {
    key = createPublicKey(text);
  } catch {
    return `${file} holds no public key: PEM text with "BEGIN PUBLIC KEY" is expected`;
  }
  return keyKind(key) === undefined
    ? `${file} holds a key of another kind: RSA with 2048 to 4096 bits or ECDSA P-256 is expected`
    : key;
}

/** `RSA-2048`, `ECDSA P-256` and the like; `undefined` for what signs no grants. */
export function keyKind({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  const { modulusLength = 0, namedCurve } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return 'ECDSA P-256';
  const fits = asymmetricKeyType === 'rsa' && modulusLength >= 2_048 && modulusLength <= 4_096;
  return fits ? `RSA-${modulusLength}` : undefined;
}
