import { createHmac, timingSafeEqual } from 'node:crypto';
import { edgesOnly, readSignatures, type ShownSignature, signatureBase } from '../policy/edge-signature.ts';
import { ReplayWindow } from '../policy/replay-window.ts';
import { keysOf } from './edge-signer.ts';

/** Why a request is not an edge's. `sentence` tells nothing of use to who does not know a secret. */
export interface EdgeRefusal {
  /** For the log. */
  readonly code: string;
  readonly sentence: string;
}

/** Requests of one edge that may overtake each other, and edges, restarts among them, that are told apart. */
const replayBounds = { maxSenders: 1_024, span: 65_536 };

/** Verifies what `EdgeSigner` signs. */
export class EdgeSignatureCheck {
  readonly #keys;
  readonly #maxSkewMs: number;
  readonly #wallMs: () => number;
  readonly #replays = new ReplayWindow(replayBounds);

  /** `secrets`: asked for with each request; each of them will do. */
  constructor(secrets: () => readonly string[], maxSkewMs: number, wallMs: () => number) {
    this.#keys = keysOf(secrets);
    this.#maxSkewMs = maxSkewMs;
    this.#wallMs = wallMs;
  }

  /** `undefined` for a request that is an edge's, once: the same one again is refused. */
  refusal(
    method: string,
    target: string,
    input: string | undefined,
    signature: string | undefined,
  ): EdgeRefusal | undefined {
    const shown = readSignatures(input, signature);
    if (shown.length === 0) {
      return refused('ORIGIN_UNSIGNED', 'the request has no signature of an edge');
    }
    const good = shown.find((one) => this.#isGood(method, target, one));
    if (good === undefined) {
      return refused('ORIGIN_SIGNATURE_WRONG', 'the signature is not made with a secret that is known here');
    }
    const nowMs = this.#wallMs();
    const skewSeconds = Math.round(good.createdSeconds - nowMs / 1_000);
    const allowedSeconds = Math.floor(this.#maxSkewMs / 1_000);
    if (Math.abs(skewSeconds) > allowedSeconds) {
      const way = skewSeconds > 0 ? 'ahead of' : 'behind';
      return refused(
        'ORIGIN_SIGNATURE_CLOCK',
        `the request was signed at a time that is ${Math.abs(skewSeconds)} s ${way} the clock here, and ` +
          `${allowedSeconds} s are allowed: set the clocks of both machines`,
      );
    }
    if (!this.#replays.take(good.sender, good.count, nowMs)) {
      return refused('ORIGIN_SIGNATURE_REPLAYED', 'this very request has been made before');
    }
    return undefined;
  }

  /** Each is compared with all of the secrets. */
  #isGood(method: string, target: string, { parameters, signature }: ShownSignature): boolean {
    const base = signatureBase(method, target, parameters);
    const bytes = Buffer.from(signature, 'base64');
    return this.#keys()
      .map((key) => createHmac('sha256', key).update(base).digest())
      .map((digest) => bytes.length === digest.length && timingSafeEqual(digest, bytes))
      .includes(true);
  }
}

function refused(code: string, reason: string): EdgeRefusal {
  return { code, sentence: `${edgesOnly}: ${reason}` };
}
