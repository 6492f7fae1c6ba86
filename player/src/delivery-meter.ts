import { cacheVerdict, RecentVerdicts } from './cache-verdicts.ts';
import { ClockOffset } from './clock-offset.ts';

const verdictsKept = 60;

/** What the fields of the responses say about the way they came. */
export class DeliveryMeter {
  readonly #verdicts = new RecentVerdicts(verdictsKept);
  readonly #clockOffset = new ClockOffset();
  #edgeLocation: string | undefined;
  #xCache: string | undefined;

  get verdicts(): RecentVerdicts {
    return this.#verdicts;
  }

  /** The server's clock less the viewer's. */
  get clockOffsetMs(): number {
    return this.#clockOffset.offsetMs;
  }

  get edgeLocation(): string | undefined {
    return this.#edgeLocation;
  }

  get xCache(): string | undefined {
    return this.#xCache;
  }

  /** `field` gives a response's field by its name. */
  add(field: (name: string) => string | null, receivedWallMs: number): void {
    const xCache = field('x-cache');
    const verdict = cacheVerdict(xCache);
    if (verdict !== undefined) {
      this.#verdicts.add(verdict);
      this.#xCache = xCache ?? undefined;
    }
    this.#edgeLocation = field('x-edge-location') ?? this.#edgeLocation;
    this.#clockOffset.add(field('date'), field('age'), receivedWallMs);
  }
}
