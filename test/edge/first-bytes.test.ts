import { describe, expect, it } from 'vitest';
import { FirstBytes, type FirstBytesTaker } from '../../src/edge/first-bytes.ts';
import { GrowingBody } from '../../src/stores/growing-body.ts';

function growingBody(): GrowingBody {
  return new GrowingBody({
    lengthBytes: undefined,
    maxKeptBytes: 1_000,
    reserve: () => true,
    onPressure: () => undefined,
  });
}

function recordingTaker(name: string, told: string[]): FirstBytesTaker {
  return {
    takeFirst: (bytes) => void told.push(`${name} ${bytes.toString()}`),
    follow: (fromByte) => void told.push(`${name} from ${fromByte}`),
  };
}

const endOfTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('FirstBytes', () => {
  it.each([
    ['before the bytes', 2],
    ['after them', 0],
  ])('gives the first bytes to all before anybody goes on (takers come %s)', async (_what, before) => {
    const body = growingBody();
    const told: string[] = [];
    const first = new FirstBytes((onProgress) => body.openReader(onProgress));
    const add = (count: number) => {
      for (let i = 0; i < count; i++) first.add(recordingTaker(`${i}`, told));
    };
    add(before);
    body.append(Buffer.from('abc'));
    body.append(Buffer.from('def'));
    add(2 - before);
    expect(told).toEqual(['0 abc', '1 abc']);
    await endOfTurn();
    expect(told.slice(2)).toEqual(['0 from 3', '1 from 3']);
    expect(body.readerCount).toBe(0);
  });

  it('lets all go on by themselves when there are no bytes in the turn of the head', async () => {
    const body = growingBody();
    const told: string[] = [];
    new FirstBytes((onProgress) => body.openReader(onProgress)).add(recordingTaker('a', told));
    await endOfTurn();
    body.append(Buffer.from('abc'));
    expect(told).toEqual(['a from 0']);
  });

  it('lets all go on by themselves at once when there will be none', () => {
    const body = growingBody();
    const told: string[] = [];
    const first = new FirstBytes((onProgress) => body.openReader(onProgress));
    first.add(recordingTaker('a', told));
    body.fail(new Error('broke'));
    first.add(recordingTaker('b', told));
    new FirstBytes((onProgress) => body.openReader(onProgress)).add(recordingTaker('c', told));
    expect(told).toEqual(['a from 0', 'b from 0', 'c from 0']);
  });
});
