import { CachedResponse } from '../../../src/edge/edge-response.ts';
import type { SlicedObjects } from '../../../src/edge/sliced-objects.ts';
import { FileVersion } from '../../../src/edge/stored/file-version.ts';
import { Upstream } from '../../../src/http/upstream.ts';

const facts = {
  receivedMs: 0,
  initialAgeMs: 0,
  lifetimeMs: 1_000,
  staleOnErrorMs: 0,
  staleOnDisconnectMs: 0,
  staleWhileRevalidateMs: 0,
  neverStale: false,
};
const upstream = new Upstream({
  url: 'http://127.0.0.1:1',
  connectTimeoutMs: 1,
  connectAttempts: 1,
  responseTimeoutMs: 1,
  maxConnections: 1,
});
const noSlices = {} as SlicedObjects;

/** A file that is all there. */
export function wholeVersion(bytes: Buffer): FileVersion {
  const head = { status: 200, fields: [], facts, selecting: [], variantKey: '', sequence: 0, tags: [] };
  const response = new CachedResponse(head, bytes);
  return new FileVersion(noSlices, 'key', response, { upstream, target: '/', requestFields: () => [] });
}
