import type { ByteRange } from '../../policy/range-selection.ts';
import type { FileVersion } from './file-version.ts';

/** A range of a file that is being read. */
export interface RangeRead {
  /**
   * What its place has been filled with, less where the file ends before. Rejects with what the source fails with, or with
   * the reason of the signal, which is what ends the wait for an origin that sends nothing.
   */
  readonly bytes: Promise<Uint8Array>;
  /** Its place is for others from now on. It still comes: somebody else may want it soon. */
  giveUpPlace(): void;
}

/** Reads a range of a file to `place`, which has room for it. */
export function readRange(version: FileVersion, range: ByteRange, place: Uint8Array, signal: AbortSignal): RangeRead {
  let filling: Uint8Array | undefined = place;
  const bytes = new Promise<Uint8Array>((resolve, reject) => {
    let filled = 0;
    const end = (settle: () => void): void => {
      signal.removeEventListener('abort', abort);
      reader.close();
      settle();
    };
    const abort = (): void => end(() => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted')));
    const pump = (): void => {
      for (let piece = next(); piece !== undefined; piece = next()) {
        filling?.set(piece, filled);
        filled += piece.length;
        reader.passed?.(range.first + filled);
      }
      const { state } = reader;
      if (state === 'open') return;
      end(() => (state === 'ended' ? resolve(place.subarray(0, filled)) : reject(state.error)));
    };
    const reader = version.openReader(range, pump, 'steady');
    const next = () => (reader.readLent === undefined ? reader.read() : reader.readLent());
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    else pump();
  });
  return { bytes, giveUpPlace: () => (filling = undefined) };
}
