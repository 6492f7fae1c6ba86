import { RateBucket } from '../../base/rate-bucket.ts';
import { RecentEntries } from '../../base/recent-entries.ts';

/** What each address, or each grant, may have. What is left out is not bounded. */
export interface AllowanceSettings {
  readonly requestsPerSecond: number | undefined;
  /** Requests at once, after a rest. */
  readonly burst: number | undefined;
  readonly bytesPerSecond: number | undefined;
  /** Viewings at the same time. */
  readonly sessions: number | undefined;
}

interface Allowance {
  readonly requests: RateBucket | undefined;
  readonly bytes: RateBucket | undefined;
}

/** So many holders are remembered at least, and at most twice as many: who is forgotten begins with a full bucket. */
const rememberedHolders = 16_384;
/** A player fills its buffer when it begins: so much may go out at once. */
const byteBurstSeconds = 10;

/** What the holders of one kind (addresses by `addressKey`, grants by id) have left. */
export class Allowances {
  readonly settings: AllowanceSettings;
  readonly #holders = new RecentEntries<Allowance>(rememberedHolders);

  constructor(settings: AllowanceSettings) {
    this.settings = settings;
  }

  /** Whether bytes are counted. */
  get meters(): boolean {
    return this.settings.bytesPerSecond !== undefined;
  }

  /** Takes one request. Returns what there is too much of, if there is, and how long until there is room again. */
  takeRequest(
    holder: string,
    nowMs: number,
  ): { readonly what: 'requests' | 'bandwidth'; readonly waitMs: number } | undefined {
    const { requests, bytes } = this.#of(holder, nowMs);
    const owedMs = bytes?.waitMs(0, nowMs) ?? 0;
    if (owedMs > 0) return { what: 'bandwidth', waitMs: owedMs };
    if (requests?.take(nowMs) === false) return { what: 'requests', waitMs: requests.waitMs(1, nowMs) };
    return undefined;
  }

  /** A request that was taken was not answered after all: somebody else takes it again. */
  giveBack(holder: string): void {
    this.#holders.get(holder)?.requests?.giveBack();
  }

  /** Counts bytes that go out. */
  spend(holder: string, bytes: number, nowMs: number): void {
    this.#of(holder, nowMs).bytes?.spend(bytes, nowMs);
  }

  /** How long nothing more should go out. */
  owedMs(holder: string, nowMs: number): number {
    return this.#holders.get(holder)?.bytes?.waitMs(0, nowMs) ?? 0;
  }

  /** What has gone out too early need not be made up for. */
  forgive(holder: string): void {
    this.#holders.get(holder)?.bytes?.forgive();
  }

  #of(holder: string, nowMs: number): Allowance {
    const known = this.#holders.get(holder);
    if (known !== undefined) return known;
    const { requestsPerSecond, burst, bytesPerSecond } = this.settings;
    const made: Allowance = {
      requests: requestsPerSecond === undefined ? undefined : new RateBucket(requestsPerSecond, nowMs, burst),
      bytes:
        bytesPerSecond === undefined
          ? undefined
          : new RateBucket(bytesPerSecond, nowMs, bytesPerSecond * byteBurstSeconds),
    };
    this.#holders.set(holder, made);
    return made;
  }
}
