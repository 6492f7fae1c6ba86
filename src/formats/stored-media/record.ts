import { ProtocolError } from '../../base/errors.ts';
import { decodeFlv } from '../flv-index/flv-media.ts';
import { decodeMp3 } from '../mp3-index/mp3-media.ts';
import { decodeMp4 } from '../mp4-index/mp4-media.ts';
import type { SharedMedia, StoredMedia } from '../media/stored-media.ts';

/** The name of the container and zeros, so that numbers behind it lie where they are read fast. */
const headBytes = 8;

/** What has been read of a media file of whatever container, for another thread and for the disk. */
export function encodeStoredMedia(media: StoredMedia): Uint8Array<ArrayBuffer> {
  return withContainer(media, media.encode());
}

/** The same for another thread of this program, before it is encoded. */
export function shareStoredMedia(media: StoredMedia): SharedMedia {
  const { record, beside } = media.share?.() ?? { record: media.encode(), beside: [] };
  return { record: withContainer(media, record), beside };
}

function withContainer(media: StoredMedia, own: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(headBytes + own.length);
  new TextEncoder().encodeInto(media.container, bytes);
  bytes.set(own, headBytes);
  return bytes;
}

/** The same again; `beside` is what `shareStoredMedia` has put there. Throws `ProtocolError` for what is damaged, or was written by another version of this program. */
export function decodeStoredMedia(bytes: Uint8Array, beside: SharedMedia['beside'] = []): StoredMedia {
  const container = new TextDecoder('latin1').decode(bytes.subarray(0, headBytes)).replace(/\0+$/, '');
  // A copy of what is part of something larger, which it would keep. `slice` of a Buffer gives none.
  const isAlone = bytes.length === bytes.buffer.byteLength;
  const own = isAlone ? new Uint8Array(bytes.buffer, headBytes) : new Uint8Array(bytes.subarray(headBytes));
  switch (container) {
    case 'flv':
      return decodeFlv(own);
    case 'mp3':
      return decodeMp3(own);
    case 'mp4':
      return decodeMp4(own, beside);
    default:
      throw new ProtocolError('STORED_MEDIA_RECORD', 'this is no index of a media file that is known', {
        byteOffset: 0,
      });
  }
}
