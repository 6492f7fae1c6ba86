import { readFileSync } from 'node:fs';
import type { Clock } from '../../src/base/clock.ts';
import type { Reading, StoredMedia } from '../../src/formats/media/stored-media.ts';
import { FanOut } from '../../src/live/fan-out.ts';
import type { StoredFile } from '../../src/live/stored-file.ts';
import { storedName } from '../../src/policy/stored-name.ts';
import type { PublishGate } from '../../src/rtmp/publish-gate.ts';
import { RtmpServer } from '../../src/rtmp/rtmp-server.ts';
import { sessionLimits } from '../../src/rtmp/session-limits.ts';
import type { ServerTls } from '../../src/sockets/server-tls.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { SampleGate } from '../support/stored-sample.ts';

/** Nobody publishes here. */
const publishGate: PublishGate = {
  examine: () => undefined,
  admit: () =>
    Promise.resolve({
      kind: 'refused',
      statusCode: 'NetStream.Publish.Unauthorized',
      code: 'PUBLISH_REFUSED',
      path: undefined,
      sentence: 'only files are played here',
    }),
};

/** Finds files as the library of an edge does, by all that clients make of a name. */
export class LibraryGate extends SampleGate {
  protected override fileOf(app: string, streamName: string): StoredFile | undefined {
    const named = storedName(['cfx/st'], app, streamName);
    if (named?.kind !== 'stored') return undefined;
    for (const candidate of named.candidates) {
      const file = this.files.get(candidate);
      if (file !== undefined) return file;
    }
    return undefined;
  }
}

export interface StoredServer {
  readonly gate: LibraryGate;
  readonly log: LogRecorder;
  readonly port: number;
  /** With the application: `rtmp://127.0.0.1:PORT/cfx/st`. */
  readonly url: string;
  close(): Promise<void>;
}

/** A real RTMP server on a free port that plays the files of its gate. */
export async function startStoredServer(clock: Clock, tls?: ServerTls): Promise<StoredServer> {
  const gate = new LibraryGate();
  const log = new LogRecorder();
  const settings = { mergeWindow: 'adaptive', maxQueueBytes: 1 << 23 } as const;
  const server = await RtmpServer.listen({
    host: '127.0.0.1',
    port: 0,
    maxConnections: 100,
    tls,
    limits: sessionLimits({ maxMessageBytes: 1 << 23, handshakeTimeoutMs: 10_000, idleTimeoutMs: 30_000 }),
    gate: publishGate,
    play: { gate, fanOut: new FanOut({ settings, settingsPath: 'edge.fanOut', clock }) },
    clock,
    log,
  });
  return {
    gate,
    log,
    port: server.port,
    url: `rtmp${tls === undefined ? '' : 's'}://127.0.0.1:${server.port}/cfx/st`,
    close: () => server.close(),
  };
}

/** Runs a reading over bytes that are all there. */
function readAll<Result>(reading: Reading<Result>, bytes: Uint8Array): Result {
  let step = reading.next(new Uint8Array(0));
  while (step.done !== true) step = reading.next(bytes.subarray(step.value.from, step.value.to));
  return step.value;
}

/** A file of this machine, which is there at once. */
export function localFile(path: string, open: (lengthBytes: number) => Reading<StoredMedia>): StoredFile {
  const bytes = readFileSync(path);
  return {
    path,
    lengthBytes: bytes.length,
    media: readAll(open(bytes.length), bytes),
    openReader: ({ first, last }) => {
      let at = first;
      return {
        read: () => {
          if (at > last) return undefined;
          const piece = bytes.subarray(at, Math.min(at + 65_536, last + 1));
          at += piece.length;
          return piece;
        },
        get state() {
          return at > last ? 'ended' : 'open';
        },
        close: () => {},
      };
    },
  };
}
