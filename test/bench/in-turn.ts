/** The middle of the values; of an even number of them, the mean of the two in the middle. Throws for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  const lower = sorted.length % 2 === 0 ? sorted[middle - 1] : upper;
  if (lower === undefined || upper === undefined) throw new RangeError('no values to take the median of');
  return (lower + upper) / 2;
}

/** The median of each figure of the samples for itself. */
export function medianSample<T extends Readonly<Record<keyof T, number>>>(samples: readonly T[]): T {
  const first = samples[0];
  if (first === undefined) throw new RangeError('no samples to take the median of');
  const figures = (Object.keys(first) as (keyof T)[]).map((figure) => [
    figure,
    median(samples.map((sample) => sample[figure])),
  ]);
  return Object.fromEntries(figures) as T;
}

/** What the rounds of one contender gave, or why it could not be measured: after a failure it is left out. */
export type Turns<T> =
  | { readonly kind: 'measured'; readonly samples: readonly T[] }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * Measures contenders in turn, A B C A B C …, so that what changes on the machine meanwhile meets all alike. A round
 * measures each once. One that fails does not keep the others from being
 * measured.
 */
export async function inTurn<T>(
  rounds: number,
  contenders: ReadonlyMap<string, () => Promise<T>>,
): Promise<ReadonlyMap<string, Turns<T>>> {
  const results = new Map<string, { samples: T[]; reason: string | undefined }>();
  for (const name of contenders.keys()) results.set(name, { samples: [], reason: undefined });
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, measure] of contenders) {
      const result = results.get(name);
      if (result === undefined || result.reason !== undefined) continue;
      try {
        result.samples.push(await measure());
      } catch (error) {
        result.reason = error instanceof Error ? error.message : String(error);
      }
    }
  }
  return new Map(
    [...results].map(([name, { samples, reason }]): [string, Turns<T>] => [
      name,
      reason === undefined ? { kind: 'measured', samples } : { kind: 'failed', reason },
    ]),
  );
}
