import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LimitError } from '../../src/base/errors.ts';
import type { BodyReader } from '../../src/stores/body-reader.ts';
import { GrowingBody, maxLagBytes, windowBytes } from '../../src/stores/growing-body.ts';

function growingBody(options: Partial<ConstructorParameters<typeof GrowingBody>[0]> = {}) {
  const pressure: boolean[] = [];
  const body = new GrowingBody({
    lengthBytes: undefined,
    maxKeptBytes: 1_000_000_000,
    reserve: () => true,
    onPressure: (paused) => void pressure.push(paused),
    ...options,
  });
  return { body, pressure };
}

function readAvailable(reader: BodyReader | undefined): Buffer {
  const pieces: Buffer[] = [];
  for (let piece = reader?.read(); piece !== undefined; piece = reader?.read()) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('GrowingBody', () => {
  it.each([[undefined], [6]])(
    'gives every reader all bytes in order, whenever it begins (announced length: %s)',
    (lengthBytes) => {
      const { body } = growingBody({ lengthBytes });
      const early = body.openReader(() => undefined);
      expect([early?.read(), early?.state]).toEqual([undefined, 'open']);
      body.append(Buffer.from('abc'));
      const late = body.openReader(() => undefined);
      expect(readAvailable(early).toString()).toBe('abc');
      body.append(Buffer.from('def'));
      expect(body.whole()).toBeUndefined();
      body.complete();
      expect([readAvailable(early).toString(), readAvailable(late).toString()]).toEqual(['def', 'abcdef']);
      expect([early?.state, late?.state]).toEqual(['ended', 'ended']);
      expect(body.whole()?.toString()).toBe('abcdef');
    },
  );

  it.each([
    ['kept, of known length', { lengthBytes: 9 }],
    ['kept, of unknown length', {}],
    ['let go, of known length', { lengthBytes: 9, maxKeptBytes: 0 }],
    ['let go, of unknown length', { maxKeptBytes: 0 }],
  ])('can be followed from any byte that is still there, to an end that nobody knows (%s)', (_what, options) => {
    const { body } = growingBody(options);
    const first = body.openReader(() => undefined);
    for (const piece of ['abc', 'def']) {
      body.append(Buffer.from(piece));
      readAvailable(first);
    }
    const toEnd = (from: number) => body.openReader(() => undefined, { first: from, last: Number.POSITIVE_INFINITY });
    // With the next piece what everybody has read is let go.
    body.append(Buffer.from('g'));
    const readers = [3, 4, 6, 7].map(toEnd);
    expect(toEnd(0) === undefined).toBe('maxKeptBytes' in options);
    body.append(Buffer.from('hi'));
    body.complete();
    const expected = 'maxKeptBytes' in options ? ['', '', 'ghi', 'hi'] : ['defghi', 'efghi', 'ghi', 'hi'];
    expect(readers.map((reader) => readAvailable(reader).toString())).toEqual(expected);
    for (const reader of readers) if (reader !== undefined) expect(reader.state).toBe('ended');
  });

  it('tells readers of progress, of the end and of a failure', () => {
    const { body } = growingBody();
    let told = 0;
    const reader = body.openReader(() => told++);
    body.append(Buffer.from('a'));
    body.append(Buffer.alloc(0));
    expect(told).toBe(1);
    body.fail(new Error('broke'));
    expect(told).toBe(2);
    // What came before it broke is still given.
    expect(reader?.state).toBe('open');
    expect(readAvailable(reader).toString()).toBe('a');
    expect(reader?.state).toMatchObject({ error: { message: 'broke' } });
    expect(body.whole()).toBeUndefined();
    expect(body.openReader(() => undefined)).toBeUndefined();
  });

  it.each([[2], [4]])('has failed when it ends at %i of 3 announced bytes', (length) => {
    const { body } = growingBody({ lengthBytes: 3 });
    body.append(Buffer.alloc(length));
    body.complete();
    expect(body.state.kind).toBe('failed');
    expect(body.whole()).toBeUndefined();
  });

  it('never holds up its source while it is kept', () => {
    const { body, pressure } = growingBody();
    body.openReader(() => undefined);
    for (let i = 0; i < 100; i++) body.append(Buffer.alloc(windowBytes / 4));
    expect(pressure).toEqual([]);
    expect(body.whole()).toBeUndefined();
  });

  it('holds up its source for its only reader when it is not kept, and releases it when that has read on', async () => {
    const { body, pressure } = growingBody({ maxKeptBytes: 0 });
    const reader = body.openReader(() => undefined);
    for (let i = 0; i < 4; i++) body.append(Buffer.alloc(windowBytes / 4));
    expect(pressure).toEqual([true]);
    reader?.read();
    await Promise.resolve();
    expect(pressure).toEqual([true]);
    reader?.read();
    await Promise.resolve();
    expect(pressure).toEqual([true, false]);
    expect(body.openReader(() => undefined)).toBeUndefined();
  });

  it('releases its source after a read, not within: a reader that is told of more has used what it read before', async () => {
    const got: number[] = [];
    let value = 0;
    const source = (length: number) => body.append(Buffer.alloc(length, value++));
    const { body } = growingBody({ maxKeptBytes: 0, onPressure: (paused) => paused || source(1) });
    let reading = false;
    const pump = () => {
      for (let piece = reading ? reader?.read() : undefined; piece !== undefined; piece = reader?.read()) {
        got.push(piece[0] ?? -1);
      }
    };
    const reader = body.openReader(pump);
    for (let i = 0; i < 8; i++) source(windowBytes / 8);
    reading = true;
    pump();
    await Promise.resolve();
    expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('stops being kept at its bound, and when the store has no room; readers go on', () => {
    for (const options of [{ maxKeptBytes: 10 }, { reserve: (bytes: number) => bytes < 8 }]) {
      const { body } = growingBody(options);
      const reader = body.openReader(() => undefined);
      body.append(Buffer.from('1234567'));
      expect([body.keeping, body.reservedBytes]).toEqual([true, 7]);
      body.append(Buffer.from('89abcdef'));
      expect([body.keeping, body.reservedBytes]).toEqual([false, 7]);
      body.complete();
      expect(readAvailable(reader).toString()).toBe('123456789abcdef');
      expect(body.whole()).toBeUndefined();
    }
    const announced = growingBody({ lengthBytes: 11, maxKeptBytes: 10 });
    expect([announced.body.keeping, announced.body.reservedBytes]).toEqual([false, 0]);
  });

  it('gives up a reader that lags too far behind the fastest, and only that one', () => {
    const { body } = growingBody({ maxKeptBytes: 0 });
    const fast = body.openReader(() => readAvailable(fast));
    const slow = body.openReader(() => undefined);
    for (let sent = 0; sent <= maxLagBytes; sent += windowBytes) body.append(Buffer.alloc(windowBytes));
    expect(fast?.state).toBe('open');
    expect(slow?.state).toMatchObject({ error: expect.any(LimitError) as unknown });
    expect(body.readerCount).toBe(1);
  });

  it('gives each reader exactly its bytes for any interleaving, also when the source answers a release at once', async () => {
    const step = fc.oneof(
      fc.integer({ min: 1, max: windowBytes }).map((length) => ({ append: length })),
      fc.record({ reader: fc.nat(2), pieces: fc.integer({ min: 1, max: 6 }) }),
    );
    type Step = { append: number } | { reader: number; pieces: number };
    const run = async (steps: Step[], maxKeptBytes: number) => {
      let value = 0;
      const next = (length: number) => Buffer.alloc(length, value++ % 256);
      const sent: Buffer[] = [];
      const source = (length: number) => {
        const piece = next(length);
        sent.push(piece);
        body.append(piece);
      };
      const { body } = growingBody({ maxKeptBytes, onPressure: (paused) => paused || source(1_000) });
      const readers = [0, 1, 2].map(() => ({ got: [] as Buffer[], reader: body.openReader(() => undefined) }));
      for (const now of steps) {
        if ('append' in now) {
          source(now.append);
        } else {
          const { got, reader } = readers[now.reader] ?? {};
          for (let i = 0; i < now.pieces; i++) {
            const piece = reader?.read();
            if (piece !== undefined) got?.push(piece);
          }
        }
        await Promise.resolve();
      }
      body.complete();
      const all = Buffer.concat(sent);
      for (const { got, reader } of readers) {
        const lagged = reader?.state !== 'open' && reader?.state !== 'ended';
        if (!lagged) got.push(readAvailable(reader));
        const bytes = Buffer.concat(got);
        expect(bytes.equals(all.subarray(0, bytes.length))).toBe(true);
        if (!lagged) expect(bytes.length).toBe(all.length);
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.constantFrom(0, windowBytes * 2, 1e9), run),
      { numRuns: 60 },
    );
  });
});
