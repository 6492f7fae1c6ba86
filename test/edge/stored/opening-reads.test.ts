import { expect, it } from 'vitest';
import { OpeningDesk } from '../../../src/edge/stored/opening-desk.ts';
import { OpeningReads } from '../../../src/edge/stored/opening-reads.ts';
import type { ByteRange } from '../../../src/policy/range-selection.ts';
import { patternBytes } from '../file-origin.ts';
import { wholeVersion } from './whole-version.ts';

const lengthBytes = 1_000;

/** Notes which ranges are read of a file. */
function watched() {
  const version = wholeVersion(patternBytes(0, lengthBytes));
  const ranges: string[] = [];
  const open = version.openReader.bind(version);
  version.openReader = (range, onProgress, readAhead) => {
    ranges.push(`${range.first}-${range.last}`);
    return open(range, onProgress, readAhead);
  };
  const reads = new OpeningReads(version, new OpeningDesk(), new AbortController().signal);
  const read = async (range: ByteRange) => {
    expect(Buffer.from(await reads.read(range))).toEqual(
      patternBytes(0, lengthBytes).subarray(range.first, range.last + 1),
    );
  };
  return { ranges, read };
}

it('OpeningReads reads one range ahead where a reading goes on where it was, as far as the file goes', async () => {
  const { ranges, read } = watched();
  await read({ first: 0, last: 49 });
  expect(ranges).toEqual(['0-49']);
  await read({ first: 300, last: 499 });
  await read({ first: 500, last: 699 });
  expect(ranges).toEqual(['0-49', '300-499', '500-699', '700-899']);
  await read({ first: 700, last: 899 });
  expect(ranges.slice(4)).toEqual(['900-999']);
  await read({ first: 900, last: 999 });
  expect(ranges.slice(5)).toEqual([]);
});

it('OpeningReads gives a part of what it has read ahead, and forgets what is not wanted next', async () => {
  const { ranges, read } = watched();
  await read({ first: 0, last: 199 });
  await read({ first: 200, last: 399 });
  await read({ first: 400, last: 449 });
  expect(ranges).toEqual(['0-199', '200-399', '400-599', '450-499']);
  await read({ first: 10, last: 19 });
  await read({ first: 450, last: 499 });
  expect(ranges.slice(4)).toEqual(['10-19', '450-499']);
});
