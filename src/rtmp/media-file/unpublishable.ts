import { ConfigError } from '../../base/errors.ts';

/** A file whose codec no RTMP server here takes, with the way to one that can be published. */
export function unpublishable(path: string, kind: 'video' | 'audio', codec: string): ConfigError {
  const wanted = kind === 'video' ? 'H.264' : 'AAC';
  return new ConfigError(`${path} cannot be published:`, [
    `its ${kind} is ${codec}, only ${wanted} is carried: convert it with ffmpeg -i FILE -c:v libx264 -c:a aac OUT.mp4`,
  ]);
}
