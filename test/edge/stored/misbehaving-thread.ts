import { parentPort } from 'node:worker_threads';
import type { OpeningReply, OpeningRequest } from '../../../src/edge/stored/opening-messages.ts';

/** What a file of this length does to the thread that opens it; all others are opened when ten bytes of them came. */
export const misbehaviours = { hangs: 1_001, throws: 1_002, takesAllMemory: 1_003, insatiable: 5_000_001 } as const;

parentPort?.on('message', (request: OpeningRequest) => parentPort?.postMessage(replyTo(request), []));

const insatiable = new Set<number>();

function replyTo(request: OpeningRequest): OpeningReply {
  if (request.kind === 'forget') return { kind: 'forgotten' };
  if (request.kind === 'encode') return { kind: 'encoded', encoded: new Uint8Array(0) };
  if (request.kind === 'bytes') {
    if (insatiable.has(request.job)) return { kind: 'wants', wanted: { from: 0, to: 5_000_001 } };
    return { kind: 'opened', shared: { record: new Uint8Array(request.bytes), beside: [] } };
  }
  const hoard: number[][] = [];
  switch (request.lengthBytes) {
    case misbehaviours.hangs:
      for (;;);
    case misbehaviours.throws:
      throw new TypeError('a bug of ours');
    case misbehaviours.takesAllMemory:
      for (;;) hoard.push(Array.from<number>({ length: 1_000_000 }).fill(0.5));
    case misbehaviours.insatiable:
      insatiable.add(request.job);
  }
  return { kind: 'wants', wanted: { from: 0, to: 10 } };
}
