/**
 * How an edge shows an origin that a request is its own: an HTTP message signature (RFC 9421) with HMAC-SHA256 over method
 * and request target, good for a short while and once. Method and target are as they stand on the wire; the body is not
 * signed. RTMP carries the same two texts in `connect`.
 */

/** The two fields. A request has as many signatures as there are secrets, each with a label of its own. */
export interface SignatureTexts {
  /** `Signature-Input` (RFC 9421 §4.1). */
  readonly input: string;
  /** `Signature` (RFC 9421 §4.2). */
  readonly signature: string;
}

/** One signature as it came, not verified. */
export interface ShownSignature {
  /** What stands behind the label in `Signature-Input`: part of what is signed. */
  readonly parameters: string;
  /** By the clock of the edge. */
  readonly createdSeconds: number;
  /** Unlike that of any other edge, and of the same one after a restart. */
  readonly sender: string;
  /** Of the requests of that sender, this is number … */
  readonly count: number;
  /** Of 32 bytes, in base64. */
  readonly signature: string;
}

/** In place of a method, for the `connect` of RTMP; its target is the `tcUrl`. */
export const rtmpConnectMethod = 'RTMP-CONNECT';

/** How an origin begins to say that somebody is none of its edges. */
export const edgesOnly = 'this origin answers edges only';

/** In which an origin says why it refused; edges do not give it to viewers. */
export const refusalField = 'X-StreamFront-Refusal';

/** In the command object of `connect`: the two texts. */
export const connectProperties = {
  input: 'streamfrontSignatureInput',
  signature: 'streamfrontSignature',
} as const satisfies Record<keyof SignatureTexts, string>;

/** Secrets that count at once: the one that comes and the one that goes. */
export const maxSecrets = 2;

const components = '("@method" "@request-target")';
const tag = 'streamfront-edge';

/** What stands behind each label in `Signature-Input`. `sender` is of lower-case letters and digits. */
export function signatureParameters(createdSeconds: number, sender: string, count: number): string {
  return `${components};created=${createdSeconds};nonce="${sender}-${count.toString(36)}";alg="hmac-sha256";tag="${tag}"`;
}

/** The signature base (RFC 9421 §2.5): what a signature is made of. */
export function signatureBase(method: string, target: string, parameters: string): string {
  return `"@method": ${method}\n"@request-target": ${target}\n"@signature-params": ${parameters}`;
}

/** The fields. `signatures`: in base64, one for each secret. */
export function signatureTexts(parameters: string, signatures: readonly string[]): SignatureTexts {
  return {
    input: signatures.map((_, index) => `edge${index + 1}=${parameters}`).join(', '),
    signature: signatures.map((signature, index) => `edge${index + 1}=:${signature}:`).join(', '),
  };
}

/** A longer field is none of an edge of ours. */
const maxFieldLength = 2_048;

const memberGrammar =
  /(?:^|,[ \t]*)(edge[12])=(\("@method" "@request-target"\);created=(\d{1,12});nonce="([0-9a-z]{1,32})-([0-9a-z]{1,10})";alg="hmac-sha256";tag="streamfront-edge")(?=$|[ \t]*,)/g;

const firstSignature = /(?:^|,[ \t]*)edge1=:([A-Za-z0-9+/]{43}=):(?=$|[ \t]*,)/;
const secondSignature = /(?:^|,[ \t]*)edge2=:([A-Za-z0-9+/]{43}=):(?=$|[ \t]*,)/;

/** The signatures of an edge among those that are in the fields, `maxSecrets` at most; those of others are left out. */
export function readSignatures(input: string | undefined, signature: string | undefined): ShownSignature[] {
  if (input === undefined || signature === undefined) return [];
  if (input.length > maxFieldLength || signature.length > maxFieldLength) return [];
  const shown: ShownSignature[] = [];
  for (const [, label = '', parameters = '', created, sender = '', count = ''] of input.matchAll(memberGrammar)) {
    const bytes = (label === 'edge1' ? firstSignature : secondSignature).exec(signature)?.[1];
    if (bytes === undefined) continue;
    shown.push({
      parameters,
      createdSeconds: Number(created),
      sender,
      count: Number.parseInt(count, 36),
      signature: bytes,
    });
    if (shown.length === maxSecrets) break;
  }
  return shown;
}
