import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { RateBucket } from '../base/rate-bucket.ts';
import { ControlRefusal } from './json-exchange.ts';

const maxRequestsPerSecond = 20;

/** Lets in who has the secret. */
export class RequestAdmission {
  readonly #clock: Clock;
  readonly #host: string;
  readonly #secretDigest: Buffer;
  readonly #rate: RateBucket;

  /** `host`: as the setting names the address to listen on. */
  constructor(host: string, secret: string, clock: Clock) {
    this.#clock = clock;
    this.#host = host.toLowerCase();
    this.#secretDigest = digest(`Bearer ${secret}`);
    this.#rate = new RateBucket(maxRequestsPerSecond, clock.monotonicMs());
  }

  /** Throws a `ControlRefusal`. */
  admit({ headers }: IncomingMessage): void {
    if (!this.#isOwnName(headers.host ?? '')) {
      throw new ControlRefusal(421, 'WRONG_HOST', 'this listener is addressed by its IP address or as localhost');
    }
    if (!timingSafeEqual(digest(headers.authorization ?? ''), this.#secretDigest)) {
      throw new ControlRefusal(401, 'NOT_AUTHORIZED', 'the secret is missing or wrong', ['WWW-Authenticate', 'Bearer']);
    }
    if (!this.#rate.take(this.#clock.monotonicMs())) {
      const sentence = `more than ${maxRequestsPerSecond} requests a second`;
      throw new ControlRefusal(429, 'TOO_MANY_REQUESTS', sentence, ['Retry-After', '1']);
    }
  }

  /**
   * A page in a browser on this machine can make a name of its own lead here (DNS rebinding), and then pass for a page
   * of this listener: names that are no address are refused, whatever else the request brings.
   */
  #isOwnName(hostField: string): boolean {
    const host = hostField.toLowerCase().replace(/:\d*$/, '');
    return host === 'localhost' || host === this.#host || isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0;
  }
}

/** Of one length, so that the comparison tells nothing about the lengths of the texts. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
