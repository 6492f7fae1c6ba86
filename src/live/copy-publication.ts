import type { LiveStream } from './live-stream.ts';

/** Begins on `to` the publication that runs on `from`, with all that is in force and the running GOP. */
export function copyPublication(from: LiveStream, to: LiveStream): void {
  const { publication } = from;
  if (publication === undefined) return;
  const unsubscribe = from.subscribe(
    {
      onPublisherStart: () => to.startPublication(publication),
      onTrackConfig: (config) => to.setTrackConfig(config),
      onColorInfo: (trackId, colorInfo) => to.setColorInfo(trackId, colorInfo),
      onAccessUnit: (unit) => to.push(unit),
      onData: (message) => to.pushData(message),
      onPublisherStop: () => {},
      onEnd: () => {},
    },
    { burst: true },
  );
  unsubscribe();
}
