import { describe, expect, it } from 'vitest';
import { ReadWindow } from '../../../src/formats/media/read-window.ts';
import type { WantedBytes } from '../../../src/formats/media/stored-media.ts';
import { defaultMp4Limits } from '../../../src/formats/mp4-index/limits.ts';
import { findMovie } from '../../../src/formats/mp4-index/top-level-boxes.ts';

const mebibyte = 1_048_576;
const windowBytes = 65_536;

/** What is asked for of a file of these boxes until `moov` is found. */
function wantedOf(boxes: readonly (readonly [type: string, lengthBytes: number])[]): WantedBytes[] {
  const heads = new Map<number, Uint8Array>();
  let lengthBytes = 0;
  for (const [type, boxBytes] of boxes) {
    const head = Buffer.alloc(16);
    head.writeUInt32BE(boxBytes);
    head.write(type, 4, 'latin1');
    heads.set(lengthBytes, head);
    lengthBytes += boxBytes;
  }
  const window = new ReadWindow({ lengthBytes, windowBytes, maxBytes: 1024 * mebibyte, what: 'a test' });
  const reading = findMovie(window, defaultMp4Limits);
  const wanted: WantedBytes[] = [];
  let step = reading.next();
  while (step.done !== true) {
    const { from, to } = step.value;
    wanted.push(step.value);
    const bytes = new Uint8Array(to - from);
    for (const [at, head] of heads) if (at >= from && at < to) bytes.set(head.subarray(0, to - at), at - from);
    step = reading.next(bytes);
  }
  return wanted;
}

describe('findMovie', () => {
  it('asks for all that stands behind the media of a file, before it is known how long that is', () => {
    const wanted = wantedOf([
      ['mdat', 100 * mebibyte],
      ['moov', 9 * mebibyte],
    ]);
    expect(wanted).toEqual([
      { from: 0, to: windowBytes },
      { from: 100 * mebibyte, to: 100 * mebibyte + windowBytes, until: 109 * mebibyte },
    ]);
  });

  it.each([
    ['is long', 100 * mebibyte, 17 * mebibyte],
    ['is longer than what stands before it', 4 * mebibyte, 5 * mebibyte],
  ])('asks for the head of a box alone where what comes behind %s', (_what, before, behind) => {
    const wanted = wantedOf([
      ['free', before],
      ['moov', behind],
    ]);
    expect(wanted).toEqual([
      { from: 0, to: windowBytes },
      { from: before, to: before + windowBytes },
    ]);
  });
});
