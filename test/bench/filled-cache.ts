import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerProcess } from './server-process.ts';

/** Asks until the answer comes from the cache, whole. */
export async function fillCache(server: ServerProcess, path: string, bytes: number): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    const body = await response.arrayBuffer();
    if (body.byteLength !== bytes) throw new Error(`${path} on port ${server.port} has ${body.byteLength} bytes`);
    const verdict = response.headers.get('x-cache');
    if (verdict?.toLowerCase().startsWith('hit') === true) return;
    if (performance.now() > deadlineMs) {
      throw new Error(
        `${path} does not become a cache hit on port ${server.port}: ${response.status}, X-Cache ${verdict}`,
      );
    }
    await sleep(20);
  }
}
