import { join, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { CacheStore } from '../stores/cache-store.ts';
import { DiskStore } from '../stores/disk/disk-store.ts';
import { MemoryCache } from '../stores/memory-cache.ts';
import type { SliceMemory } from '../stores/slice-memory.ts';
import { TieredCache } from '../stores/tiered-cache.ts';
import type { CachedResponse } from './edge-response.ts';
import type { EdgeSettings } from './settings.ts';
import { isSlice, storedResponseCodec } from './stored-response-codec.ts';

export interface ResponseStore {
  readonly store: CacheStore<CachedResponse>;
  /** Where it keeps what outlives the process; empty when nothing does. */
  readonly folder: string;
  close(): Promise<void>;
}

/** What waits to be written is held beside the memory tier. */
const maxQueuedBytes = 67_108_864;
const queuedShare = 1 / 8;

/**
 * Memory, and a disk below it where there is room for one and a folder. Throws a `ConfigError` when another process uses
 * that folder.
 */
export function openResponseStore(
  { memoryBytes, disk }: EdgeSettings['cache'],
  deps: { readonly clock: Clock; readonly log: Log; readonly dataFolder?: string },
  slices: SliceMemory,
): ResponseStore {
  const { clock, log, dataFolder } = deps;
  const memory = new MemoryCache<CachedResponse>(memoryBytes);
  const path = disk.path ?? (dataFolder === undefined ? undefined : join(dataFolder, 'cache'));
  if (path === undefined || disk.sizeBytes === 0) return { store: memory, folder: '', close: () => Promise.resolve() };
  const folder = resolve(path);
  const codec = storedResponseCodec(disk.minTtlMs);
  const tier = new DiskStore<CachedResponse>({
    folder,
    setting: disk.path === undefined ? 'data' : 'edge.cache.disk.path',
    limitBytes: disk.sizeBytes,
    keepFreeBytes: disk.keepFreeBytes,
    maxQueuedBytes: Math.min(maxQueuedBytes, memoryBytes * queuedShare),
    codec,
    placeFor: (head, bodyBytes) => (slices.reuses(bodyBytes) && isSlice(head) ? slices.take(bodyBytes) : undefined),
    clock,
    log,
    isUsedAbove: (cacheKey) => memory.hasEarned(cacheKey),
    bytesAbove: memoryBytes,
  });
  return { store: new TieredCache(memory, tier, codec), folder, close: () => tier.close() };
}
