import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../src/base/clock.ts';
import type { BanFacts, CacheStore, CacheStoreStats, Loan } from '../../../src/stores/cache-store.ts';
import { DiskStore, type DiskStoreOptions } from '../../../src/stores/disk/disk-store.ts';
import type { StoredCodec } from '../../../src/stores/stored-codec.ts';
import { LogRecorder } from '../../support/log-recorder.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import type { OpenedStore, TestStored } from '../cache-store-contract.ts';

/** With a body and a time, as real ones have. */
export interface TestResponse extends TestStored {
  readonly body?: Buffer;
  readonly receivedMs?: number;
  readonly fleeting?: boolean;
}

/** A body as long as its cost says, unless it has one. */
export const testCodec: StoredCodec<TestResponse> = {
  version: 1,
  isWorthKeeping: ({ fleeting }) => fleeting !== true,
  isSameBody: (one, other) => one.body !== undefined && one.body === other.body,
  encode: ({ body, receivedMs, ...rest }) => ({
    head: JSON.stringify(rest),
    body: body ?? Buffer.alloc(rest.costBytes, 'body'),
    receivedMs: receivedMs ?? 0,
  }),
  decode: ({ head, body, receivedMs }) => ({ ...(JSON.parse(head) as TestStored), body, receivedMs }),
};

export interface TestDisk<TestClock extends Clock = VirtualClock> extends AsyncDisposable {
  readonly disk: DiskStore<TestResponse>;
  readonly folder: string;
  readonly clock: TestClock;
  readonly log: LogRecorder;
}

/** A folder of its own, removed in the end. */
export function temporaryFolder(): { readonly folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'streamfront-disk-'));
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A disk tier in a folder that stays. */
export function openDisk(folder: string, options: Partial<DiskStoreOptions<TestResponse>> = {}): TestDisk {
  return openDiskAt(new VirtualClock(), folder, options);
}

export function openDiskAt<TestClock extends Clock>(
  clock: TestClock,
  folder: string,
  options: Partial<DiskStoreOptions<TestResponse>> = {},
): TestDisk<TestClock> {
  const log = new LogRecorder();
  const disk = new DiskStore<TestResponse>({
    folder,
    setting: 'edge.cache.disk.path',
    limitBytes: 100_000_000,
    keepFreeBytes: 0,
    maxQueuedBytes: 100_000_000,
    codec: testCodec,
    log,
    isUsedAbove: () => false,
    bytesAbove: 0,
    ...options,
    clock,
  });
  return { disk, folder, clock, log, [Symbol.asyncDispose]: () => disk.close() };
}

/** The disk tier alone, as a store whose memory holds nothing. */
class DiskAlone implements CacheStore<TestStored> {
  readonly #disk: DiskStore<TestResponse>;

  constructor(disk: DiskStore<TestResponse>) {
    this.#disk = disk;
  }

  get(): readonly TestStored[] {
    return [];
  }

  has(cacheKey: string): boolean {
    return this.#disk.has(cacheKey);
  }

  recall(cacheKey: string): Promise<readonly TestStored[]> | undefined {
    return this.#disk.recall(cacheKey, []);
  }

  lend(cacheKey: string, accepts: (stored: TestStored) => boolean): Loan<TestStored> | undefined {
    return this.#disk.lend(cacheKey, accepts);
  }

  put(cacheKey: string, stored: TestStored): boolean {
    this.#disk.put(cacheKey, stored, false);
    return true;
  }

  remove(cacheKey: string): boolean {
    return this.#disk.remove(cacheKey);
  }

  sweep(isUnwanted: (cacheKey: string, stored: BanFacts) => boolean): Generator<number, void, undefined> {
    return this.#disk.sweep(isUnwanted);
  }

  reserve(): boolean {
    return true;
  }

  release(): void {}

  stats(): CacheStoreStats {
    const { objects, bytes, limitBytes, evictions } = this.#disk.stats();
    return { objects, bytes, limitBytes, evictions, reservedBytes: 0 };
  }
}

export function openDiskAlone(limitBytes: number): OpenedStore {
  const { folder, ...temporary } = temporaryFolder();
  const { disk } = openDisk(folder, { limitBytes });
  return {
    store: new DiskAlone(disk),
    settled: () => disk.settled(),
    async [Symbol.asyncDispose]() {
      await disk.close();
      temporary[Symbol.dispose]();
    },
  };
}

/** The only right body for a label. */
export function promisedBody(label: string, lengthBytes: number): Buffer {
  return Buffer.alloc(lengthBytes, createHash('sha256').update(label).digest());
}
