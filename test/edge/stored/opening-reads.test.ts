import { expect, it } from 'vitest';
import { OpeningDesk } from '../../../src/edge/stored/opening-desk.ts';
import { OpeningReads } from '../../../src/edge/stored/opening-reads.ts';
import type { ByteRange } from '../../../src/policy/range-selection.ts';
import { patternBytes } from '../file-origin.ts';
import { wholeVersion } from './whole-version.ts';

const lengthBytes = 1_000;

/** Notes which ranges are asked for of a file, and how many are open. */
function watched() {
  const version = wholeVersion(patternBytes(0, lengthBytes));
  const ranges: string[] = [];
  let open = 0;
  let mostOpen = 0;
  const openReader = version.openReader.bind(version);
  version.openReader = (range, onProgress, readAhead) => {
    ranges.push(`${range.first}-${range.last}`);
    open++;
    mostOpen = Math.max(mostOpen, open);
    const reader = openReader(range, onProgress, readAhead);
    const close = reader.close.bind(reader);
    reader.close = () => {
      open--;
      close();
    };
    return reader;
  };
  const reads = new OpeningReads(version, new OpeningDesk(), new AbortController().signal);
  const read = async (range: ByteRange, until?: number) => {
    expect(Buffer.from(await reads.read(range, until))).toEqual(
      patternBytes(0, lengthBytes).subarray(range.first, range.last + 1),
    );
  };
  return { ranges, read, reads, openReaders: () => open, mostOpenReaders: () => mostOpen };
}

it('OpeningReads asks at once for all that a reading says it goes on with, as far as the file goes', async () => {
  const { ranges, read, reads, openReaders } = watched();
  await read({ first: 0, last: 49 });
  await read({ first: 300, last: 399 }, 2_000);
  await read({ first: 400, last: 404 }, 2_000);
  await read({ first: 405, last: 899 }, 2_000);
  await read({ first: 900, last: 999 });
  expect(ranges).toEqual(['0-49', '300-999']);
  expect(openReaders()).toBe(1);
  reads.close();
  expect(openReaders()).toBe(0);
});

it('OpeningReads reads one range ahead where a reading goes on where it was', async () => {
  const { ranges, read } = watched();
  await read({ first: 0, last: 199 });
  await read({ first: 200, last: 399 });
  await read({ first: 400, last: 449 });
  expect(ranges).toEqual(['0-199', '200-599']);
  await read({ first: 450, last: 599 });
  await read({ first: 600, last: 999 });
  expect(ranges.slice(2)).toEqual(['600-999']);
});

it('OpeningReads has begun to read elsewhere before it leaves what it has asked for, which may be the same', async () => {
  const { read, openReaders, mostOpenReaders } = watched();
  await read({ first: 100, last: 199 }, 900);
  await read({ first: 108, last: 299 }, 900);
  expect([mostOpenReaders(), openReaders()]).toEqual([2, 1]);
});

it('OpeningReads leaves what it has asked for where a reading goes on elsewhere', async () => {
  const { ranges, read, openReaders } = watched();
  await read({ first: 100, last: 199 }, 900);
  await read({ first: 10, last: 19 });
  await read({ first: 200, last: 299 });
  expect(ranges).toEqual(['100-899', '10-19', '200-299']);
  expect(openReaders()).toBe(1);
});

it('OpeningReads ends the wait for what does not come with the reason of its signal', async () => {
  const version = wholeVersion(patternBytes(0, lengthBytes));
  version.openReader = () => ({ read: () => undefined, state: 'open', close: () => {} });
  const end = new AbortController();
  const reads = new OpeningReads(version, new OpeningDesk(), end.signal);
  const waiting = reads.read({ first: 0, last: 9 });
  end.abort(new Error('long enough'));
  await expect(waiting).rejects.toThrow('long enough');
  await expect(reads.read({ first: 0, last: 9 })).rejects.toThrow('long enough');
});
