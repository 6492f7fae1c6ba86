import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CachedResponse, type ResponseHead } from '../../src/edge/edge-response.ts';
import { HoldBudget } from '../../src/edge/held-slices.ts';
import { SlicedObjects } from '../../src/edge/sliced-objects.ts';
import type { ReadAhead } from '../../src/edge/sliced-reader.ts';
import { Upstream } from '../../src/http/upstream.ts';
import { BanList } from '../../src/policy/ban-list.ts';
import type { BodyReader } from '../../src/stores/body-reader.ts';
import { MemoryCache } from '../../src/stores/memory-cache.ts';
import { SliceMemory } from '../../src/stores/slice-memory.ts';
import { eventually } from '../support/condition.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { answerFile, patternBytes } from './file-origin.ts';
import { startTestOrigin } from './test-edge.ts';

const sliceBytes = 10_000;
const file = { lengthBytes: 237_001, etag: '"v1"' };
const expected = patternBytes(0, file.lengthBytes);

const head: ResponseHead = {
  status: 200,
  fields: ['ETag', '"v1"'],
  facts: {
    receivedMs: 0,
    initialAgeMs: 0,
    lifetimeMs: 1_000_000,
    staleOnErrorMs: 0,
    staleOnDisconnectMs: 0,
    staleWhileRevalidateMs: 0,
    neverStale: false,
  },
  selecting: [],
  variantKey: '',
  sequence: 0,
  tags: [],
};

interface Visit {
  readonly first: number;
  readonly length: number;
  /** Reads so many pieces at a time, then lets others go on. */
  readonly pieces: number;
  /** Leaves after so many pieces. */
  readonly patience: number;
  readonly readAhead: ReadAhead;
  /** So many pieces are looked at again before it says that it has passed them; 0: it keeps all. */
  readonly lent: number;
}

const visit: fc.Arbitrary<Visit> = fc.record({
  first: fc.nat(file.lengthBytes - 1),
  length: fc.integer({ min: 1, max: file.lengthBytes }),
  pieces: fc.integer({ min: 1, max: 5 }),
  patience: fc.oneof(fc.constant(1_000_000), fc.nat(20)),
  readAhead: fc.constantFrom('steady', 'media'),
  lent: fc.constantFrom(0, 1, 4, 30),
});

describe('SlicedObjects', () => {
  it('give every reader exactly its bytes, whatever the store lets go, whoever leaves and wherever the origin breaks off; nothing stays behind', async () => {
    let breakAfterBytes = Number.POSITIVE_INFINITY;
    await using origin = await startTestOrigin((request, response) => {
      const write = response.write.bind(response);
      let sent = 0;
      response.write = ((bytes: Buffer) => {
        sent += bytes.length;
        if (sent <= breakAfterBytes) return write(bytes);
        write(bytes.subarray(0, Math.max(0, breakAfterBytes - (sent - bytes.length))));
        response.socket?.destroySoon();
        return false;
      }) as typeof response.write;
      answerFile(request, response, file);
    });
    const upstream = new Upstream({
      url: origin.url,
      connectTimeoutMs: 1_000,
      connectAttempts: 1,
      responseTimeoutMs: 5_000,
      maxConnections: 100,
    });

    const run = async (visits: Visit[], roomForSlices: number, heldSlices: number, breaks: number): Promise<void> => {
      breakAfterBytes = breaks;
      const clock = new VirtualClock();
      const store = new MemoryCache<CachedResponse>(roomForSlices * 12_000);
      const memory = new SliceMemory(sliceBytes);
      const slices = new SlicedObjects({
        clock,
        bans: new BanList({ beginSequence: 0, forgottenSequence: 0, currentSequence: 0 }),
        log: new LogRecorder(),
        store,
        counters: { originRequests: 0, originErrors: 0 },
        sliceBytes,
        slicedFromBytes: sliceBytes,
        readAheadBytes: 3 * sliceBytes,
        budget: new HoldBudget(heldSlices * sliceBytes),
        memory,
      });
      const sliced = slices.manifest(file.etag, file.lengthBytes, 0);
      const manifest = new CachedResponse({ ...head, sliced }, Buffer.alloc(0));
      const source = { upstream, target: '/a', requestFields: () => [] };

      /** Of what may be kept. */
      const keptViews: (() => void)[] = [];
      const readAll = async ({ first, length, pieces, patience, readAhead, lent }: Visit): Promise<void> => {
        const last = Math.min(first + length, file.lengthBytes) - 1;
        let told = Promise.withResolvers<void>();
        const reader: BodyReader = slices.openReader(
          'key',
          manifest,
          source,
          { first, last },
          () => told.resolve(),
          readAhead,
        );
        const got: Buffer[] = [];
        /** As they were given. */
        const views: { readonly bytes: Buffer; readonly at: number }[] = [];
        let gotBytes = 0;
        const look = () => {
          for (const { bytes, at } of views) {
            expect(bytes.equals(expected.subarray(at, at + bytes.length))).toBe(true);
          }
        };
        for (let read = 0; read < patience; read++) {
          const bytes = lent === 0 ? reader.read() : reader.readLent?.();
          if (bytes !== undefined) {
            // A copy: what is read must be right when it is read.
            got.push(Buffer.from(bytes));
            views.push({ bytes, at: first + gotBytes });
            gotBytes += bytes.length;
            if (lent > 0 && views.length > lent) {
              look();
              views.splice(0, 1 + (read % lent));
              reader.passed?.(views[0]?.at ?? first + gotBytes);
            }
            if (read % pieces === 0) await new Promise((resolve) => setImmediate(resolve));
          } else if (reader.state === 'open') {
            await told.promise;
            told = Promise.withResolvers<void>();
          } else {
            break;
          }
        }
        const bytes = Buffer.concat(got);
        expect(bytes.equals(expected.subarray(first, first + bytes.length))).toBe(true);
        const { state } = reader;
        if (patience === 1_000_000) expect([state, bytes.length]).toEqual(['ended', last - first + 1]);
        look();
        if (lent === 4) reader.keepLent?.();
        reader.close();
        if (lent === 0 || lent === 4) keptViews.push(look);
      };

      let done = false;
      const all = Promise.all(visits.map(readAll)).finally(() => (done = true));
      await Promise.all([
        all,
        eventually('all have read', () => {
          // Attempts after a failure are apart by the clock.
          clock.advance(20);
          return done;
        }),
      ]);
      await eventually('nothing is being fetched', () => slices.size === 0);
      expect(store.stats().reservedBytes).toBe(0);
      for (let index = 0; index * sliceBytes < file.lengthBytes; index++) store.remove(`key#${index}`);
      expect(memory.inUse).toBe(0);
      for (const look of keptViews) look();
    };

    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(visit, { minLength: 1, maxLength: 8 }),
          fc.constantFrom(1, 4, 12, 100),
          fc.constantFrom(0, 2, 100),
          fc.constantFrom(Number.POSITIVE_INFINITY, 100_000, 33_333, 7_000),
          run,
        ),
        { numRuns: 25 },
      );
    } finally {
      await upstream.close();
    }
  });
});
