import type { LiveStream } from './live-stream.ts';

/**
 * Begins on `to` the publication that runs on `from`, with all that is in force and the running GOP. Its units say how
 * long ago they came, by their timestamps: the last one has come just now.
 */
export function copyPublication(from: LiveStream, to: LiveStream): void {
  const { publication } = from;
  if (publication === undefined) return;
  const lastMs = from.runningGop.at(-1)?.timestampMs ?? 0;
  const unsubscribe = from.subscribe(
    {
      onPublisherStart: () => to.startPublication(publication),
      onTrackConfig: (config) => to.setTrackConfig(config),
      onColorInfo: (trackId, colorInfo) => to.setColorInfo(trackId, colorInfo),
      onAccessUnit: (unit) => to.push({ ...unit, heldMs: Math.max(0, (lastMs - unit.timestampMs) | 0) }),
      onData: (message) => to.pushData(message),
      onPublisherStop: () => {},
      onEnd: () => {},
    },
    { burst: true },
  );
  unsubscribe();
}
