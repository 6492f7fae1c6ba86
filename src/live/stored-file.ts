import type { StoredMedia } from '../formats/media/stored-media.ts';
import type { ByteRange } from '../policy/range-selection.ts';
import type { BodyReader } from '../stores/body-reader.ts';

/** A file of a library that is being played: its bytes by ranges, wherever they come from. */
export interface StoredFile {
  /** Below the library, with its extension: `dir/video.mp4`. For logs. */
  readonly path: string;
  readonly lengthBytes: number;
  readonly media: StoredMedia;
  /**
   * Reads a range, with read-ahead at the pace at which it is read. `onProgress` is called when there may be more; it is
   * never called within `read`. The buffers are shared: they are not written to, and kept only as long as they are sent.
   */
  openReader(range: ByteRange, onProgress: () => void): BodyReader;
}
