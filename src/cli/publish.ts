import { createLog } from '../observe/log.ts';
import { openMediaFile } from '../rtmp/media-file/media-file.ts';
import { publishRtmp } from '../rtmp/rtmp-publisher.ts';
import { systemClock } from './system-clock.ts';

/**
 * `streamfront publish FILE URL [--loop]`: sends a file in real time until it ends or a signal comes. Throws a
 * `ConfigError` for a file or URL that cannot be used, an `UpstreamError` when the server refuses or breaks off.
 */
export async function publish(path: string, url: string, loop: boolean): Promise<void> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const file = await openMediaFile(path);
  try {
    const tracks = file.trackConfigs.map((config) => config.codecString).join(', ');
    process.stdout.write(`Publishing ${path} (${tracks})${loop ? ' in a loop' : ''}; Ctrl-C ends it.\n`);
    const summary = await publishRtmp({
      url,
      source: file.items({ loop }),
      clock: systemClock,
      log: createLog({ level: 'warn', format: 'auto' }),
      signal: stopping.signal,
      pacing: 'realtime',
    });
    const megabytes = (summary.sentBytes / 1e6).toFixed(1);
    process.stdout.write(
      `Published ${summary.videoFrames} video and ${summary.audioFrames} audio frames, ${megabytes} MB.\n`,
    );
  } finally {
    await file.close();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
