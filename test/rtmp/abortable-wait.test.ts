import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { untilAborted } from '../../src/rtmp/abortable-wait.ts';

describe('untilAborted', () => {
  const [failed, stopped] = [new Error('the server has gone'), new Error('the publication is over')];
  const controllers = () => [new AbortController(), new AbortController()] as const;
  const listeners = (...signals: AbortSignal[]) => signals.flatMap((signal) => getEventListeners(signal, 'abort'));

  it.each(['before', 'meanwhile'])(
    'gives the reason of what is awaited, aborted %s, and listens no longer',
    async (when) => {
      const [awaited, other] = controllers();
      if (when === 'before') awaited.abort(failed);
      const waiting = untilAborted(awaited.signal, other.signal);
      awaited.abort(failed);
      expect(await waiting).toBe(failed);
      expect(listeners(awaited.signal, other.signal)).toEqual([]);
    },
  );

  it.each(['before', 'meanwhile'])('rejects with the reason of the other signal, aborted %s', async (when) => {
    const [awaited, other] = controllers();
    if (when === 'before') other.abort(stopped);
    const waiting = untilAborted(awaited.signal, other.signal);
    other.abort(stopped);
    awaited.abort(failed);
    await expect(waiting).rejects.toBe(stopped);
    expect(listeners(awaited.signal, other.signal)).toEqual([]);
  });

  it('rejects where both are aborted before', async () => {
    await expect(untilAborted(AbortSignal.abort(failed), AbortSignal.abort(stopped))).rejects.toBe(stopped);
  });
});
