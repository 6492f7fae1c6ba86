import { open } from 'node:fs/promises';
import { ConfigError } from '../../base/errors.ts';
import { codeOf, reasonOf } from '../../base/thrown.ts';
import type { TrackConfig } from '../../formats/media/track.ts';
import type { PublishItem } from '../rtmp-publisher.ts';
import { continuousItems } from './continuous-items.ts';
import type { Demuxer } from './demuxer.ts';
import { openFlv } from './flv-demuxer.ts';

/** A file that can be published. */
export interface MediaFile {
  /** In force at the beginning, video first. */
  readonly trackConfigs: readonly TrackConfig[];
  /**
   * What `publishRtmp` takes: the configurations, then access units in decode order, tracks interleaved, timestamps
   * from 0 on. With `loop` it begins again at the end, without end; timestamps go on and the tracks stay together.
   */
  items(options: { readonly loop: boolean }): AsyncIterable<PublishItem>;
  close(): Promise<void>;
}

/**
 * Opens an MP4, MOV, Matroska, MPEG-TS or FLV file with H.264, AAC or both. Holds a few MiB of it at a time. Throws
 * `ConfigError` in plain words when there is no such file or it holds something else.
 */
export async function openMediaFile(path: string): Promise<MediaFile> {
  const demuxer = await openDemuxer(path);
  return {
    trackConfigs: [...demuxer.trackConfigs].sort((a, b) => b.kind.localeCompare(a.kind)),
    items: (options) => continuousItems(demuxer, options),
    close: () => demuxer.close(),
  };
}

/** The same file, taken apart and in its own time. Throws likewise. */
export async function openDemuxer(path: string): Promise<Demuxer> {
  if (await isFlv(path)) return openFlv(path);
  // Its library has as much code as everything else of an origin, and most never open such a file.
  const { openContainer } = await import('./container-demuxer.ts');
  return openContainer(path);
}

async function isFlv(path: string): Promise<boolean> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(3), 0, 3, 0);
      return bytesRead === 3 && buffer.toString('latin1') === 'FLV';
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new ConfigError(`${path} cannot be published:`, [
      codeOf(error) === 'ENOENT' ? 'there is no such file' : `it cannot be read: ${reasonOf(error)}`,
    ]);
  }
}
