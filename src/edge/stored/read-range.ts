import type { ByteRange } from '../../policy/range-selection.ts';
import type { FileVersion } from './file-version.ts';

/**
 * The bytes of a range in one piece of their own. Rejects with what the source fails with, or with the reason of `signal`,
 * which is what ends the wait for an origin that sends nothing.
 */
export function readRange(
  version: FileVersion,
  range: ByteRange,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const bytes = new Uint8Array(range.last - range.first + 1);
    let filled = 0;
    const end = (settle: () => void): void => {
      signal.removeEventListener('abort', abort);
      reader.close();
      settle();
    };
    const abort = (): void => end(() => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted')));
    const pump = (): void => {
      for (let piece = reader.read(); piece !== undefined; piece = reader.read()) {
        bytes.set(piece, filled);
        filled += piece.length;
      }
      const { state } = reader;
      if (state === 'open') return;
      end(() => (state === 'ended' ? resolve(bytes.subarray(0, filled)) : reject(state.error)));
    };
    const reader = version.openReader(range, pump, 'steady');
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    else pump();
  });
}
