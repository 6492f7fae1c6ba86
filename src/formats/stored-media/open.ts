import { ProtocolError } from '../../base/errors.ts';
import { openFlv } from '../flv-index/flv-media.ts';
import type { Reading, StoredMedia } from '../media/stored-media.ts';
import { openMp3 } from '../mp3-index/mp3-media.ts';
import { openMp4 } from '../mp4-index/mp4-media.ts';
import { containerKind, containerKindBytes } from './container-kind.ts';

const carried = 'MP4, MOV, FLV and MP3 can be played, convert it to one of them';

/**
 * Opens a media file of whatever container, which its bytes tell and not its name. Throws `ProtocolError` for what is no
 * media that can be played, naming what it is instead, and what the opening of its container throws.
 */
export function* openStoredMedia(lengthBytes: number): Reading<StoredMedia> {
  const head = lengthBytes === 0 ? new Uint8Array(0) : yield { from: 0, to: Math.min(containerKindBytes, lengthBytes) };
  const container = containerKind(head);
  switch (container.kind) {
    case 'flv':
      return yield* openFlv(lengthBytes);
    case 'mp4':
      return yield* openMp4(lengthBytes);
    case 'mp3':
      return yield* openMp3(lengthBytes);
    case 'other':
      throw notPlayable(`this is ${container.name}`);
    case 'unknown':
      return yield* mp3BehindGarbage(lengthBytes, head);
  }
}

/** Frames of MP3 may begin anywhere: players have always found them. */
function* mp3BehindGarbage(lengthBytes: number, head: Uint8Array): Reading<StoredMedia> {
  const beginning = hex(head.subarray(0, 8));
  try {
    return yield* openMp3(lengthBytes);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw notPlayable(`no media file that is known begins with ${beginning}`);
  }
}

function notPlayable(sentence: string): ProtocolError {
  return new ProtocolError('STORED_MEDIA_FORMAT', sentence, { remedy: carried });
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
