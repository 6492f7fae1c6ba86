import { type Exchange, type ExchangeRecorder, type ResultType, resultTypes } from './exchange.ts';

/** Steps of an octave: a latency is told to a quarter of an octave, 19 % at most. */
const stepsAnOctave = 4;
/** From a microsecond to over an hour. */
const slots = 32 * stepsAnOctave;

export interface RequestMetricsSnapshot {
  readonly requests: number;
  readonly byResult: Readonly<Record<ResultType, number>>;
  /** Answers with 1xx to 5xx, and without any. */
  readonly byStatusClass: Readonly<Record<StatusClass, number>>;
  /** Answers that the viewer did not take to the end. */
  readonly brokenOff: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly latency: LatencySnapshot;
}

type StatusClass = 'none' | '1xx' | '2xx' | '3xx' | '4xx' | '5xx';

const statusClasses: readonly StatusClass[] = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'];

export interface LatencySnapshot {
  readonly sumMs: number;
  /** How many were at most this long, over those that are not empty; bounds rise. */
  readonly buckets: readonly { readonly upToMs: number; readonly count: number }[];
  /** The bound below which this share of all lies, in milliseconds; 0 when there are none. */
  readonly quantileMs: (share: number) => number;
}

/** Counts requests since the start. Its size does not grow. */
export class RequestMetrics implements ExchangeRecorder {
  #requests = 0;
  #brokenOff = 0;
  #receivedBytes = 0;
  #sentBytes = 0;
  #durationSumMs = 0;
  readonly #byResult: Record<ResultType, number> = { Hit: 0, RefreshHit: 0, Miss: 0, Redirect: 0, Error: 0 };
  readonly #byStatusClass = new Float64Array(statusClasses.length);
  readonly #latencies = new Float64Array(slots);

  record({ result, status, whole, requestBytes, sentBytes, durationMs }: Exchange): void {
    this.#requests++;
    this.#byResult[result]++;
    const statusClass = Math.floor(status / 100);
    this.#byStatusClass[statusClass] = (this.#byStatusClass[statusClass] ?? 0) + 1;
    if (!whole) this.#brokenOff++;
    this.#receivedBytes += requestBytes;
    this.#sentBytes += sentBytes;
    this.#durationSumMs += durationMs;
    const slot = slotOf(durationMs);
    this.#latencies[slot] = (this.#latencies[slot] ?? 0) + 1;
  }

  snapshot(): RequestMetricsSnapshot {
    const counts = [...this.#latencies];
    const requests = this.#requests;
    return {
      requests,
      byResult: Object.fromEntries(resultTypes.map((result) => [result, this.#byResult[result]])) as Record<
        ResultType,
        number
      >,
      byStatusClass: Object.fromEntries(
        statusClasses.map((name, index) => [name, this.#byStatusClass[index] ?? 0]),
      ) as Record<StatusClass, number>,
      brokenOff: this.#brokenOff,
      receivedBytes: this.#receivedBytes,
      sentBytes: this.#sentBytes,
      latency: {
        sumMs: this.#durationSumMs,
        buckets: counts.map((count, slot) => ({ upToMs: upperMs(slot), count })).filter(({ count }) => count > 0),
        quantileMs: (share) => {
          let seen = 0;
          const slot = counts.findIndex((count) => (seen += count) >= share * requests && seen > 0);
          return slot === -1 ? 0 : upperMs(slot);
        },
      },
    };
  }
}

/** Everything up to a microsecond is in the first. */
function slotOf(durationMs: number): number {
  const micros = durationMs * 1_000;
  return micros <= 1 ? 0 : Math.min(slots - 1, Math.ceil(Math.log2(micros) * stepsAnOctave));
}

function upperMs(slot: number): number {
  return 2 ** (slot / stepsAnOctave) / 1_000;
}
