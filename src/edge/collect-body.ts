import type { ByteRange } from '../policy/range-selection.ts';
import type { BodyReader } from '../stores/body-reader.ts';
import { BodyFollower, type BodyTaker } from './follow-body.ts';
import { maxPlaylistBytes } from './personal-playlist.ts';

/** A body of which nothing can be given before all of it is there. */
export interface CollectedBody {
  readonly lengthBytes: number | undefined;
  readonly open: (range: ByteRange, onProgress: () => void) => BodyReader | undefined;
  readonly onWhole: (body: Buffer) => void;
  /** Called once instead, when there is no such body. */
  readonly onFailed: (why: 'broken-off' | 'too-large') => void;
  /** As with a body that is followed. */
  readonly onEnd?: () => void;
}

/** Collects a playlist. `closed` of what it gives is to be called once, when the viewer's answer is over. */
export function collectBody({ lengthBytes, open, onWhole, onFailed, onEnd }: CollectedBody): BodyFollower {
  const range = { first: 0, last: (lengthBytes ?? Number.POSITIVE_INFINITY) - 1 };
  const pieces: Buffer[] = [];
  let length = 0;
  const taker: BodyTaker = {
    write: (bytes) => {
      pieces.push(bytes);
      length += bytes.length;
      if (length <= maxPlaylistBytes) return true;
      onFailed('too-large');
      return false;
    },
    end: () => onWhole(Buffer.concat(pieces, length)),
    destroy: () => onFailed('broken-off'),
    flushHeaders: () => {},
  };
  const follower = new BodyFollower(taker, {
    legs: lengthBytes === 0 ? [] : [{ range }],
    open: (_range, onProgress) => open(range, onProgress),
    writeHead: () => {},
    ...(onEnd === undefined ? {} : { onEnd }),
  });
  follower.start();
  return follower;
}
