import { readSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * Gets what was read: the first `length` bytes. The next read of any connection overwrites them: what is kept is copied.
 * `false`: no more until the stream is read.
 */
export type TakeBytes = (bytes: Buffer, length: number) => boolean | void;

/** What Node keeps of an open TCP connection. */
interface ReadHandle {
  /** Below 0 when it is closed, and on systems that have none. */
  readonly fd: number;
  useUserBuffer(bytes: Buffer): void;
}

interface OpenSocket extends Duplex {
  readonly _handle?: Partial<ReadHandle> | null;
}

/** As often libuv reads one connection before it looks at the others. */
const mostReadsAtOnce = 32;

/** Connections are read one after the other, and what was read is dealt with before the next: one buffer does for all. */
const sharedBytes = Buffer.allocUnsafeSlow(65_536);

/** Where a socket keeps what it is told with the option `onread`; undefined in a version of Node that keeps it otherwise. */
const parts = findParts();

/**
 * Reads a connection that has just been accepted into a buffer which all such connections share, past the stream around
 * it: that would make an `ArrayBuffer` for each read, which costs more than to recognise a request in it and gives garbage
 * collection much to do. Node has this for sockets that one makes oneself (option `onread`); here an accepted one, of
 * which nothing was read yet but what was put back, is told the same. Its events `end`, `error` and `close`, `pause` and `resume` are as ever.
 *
 * Returns `undefined` where that cannot be (TLS, another version of Node): the socket is as it was.
 */
export function readShared(socket: Duplex, take: TakeBytes): SharedReading | undefined {
  const open: OpenSocket = socket;
  // Not of a TLS socket, which has a handle of the same kind too: what came there is read already, or will be by OpenSSL.
  const handle = Object.getPrototypeOf(socket) === Socket.prototype ? open._handle : undefined;
  if (parts === undefined || !canReadInto(handle)) return undefined;
  if (Reflect.get(socket, parts.buffer) !== null) return undefined;
  const readTo = (callback: (length: number) => boolean | void) => Reflect.set(socket, parts.callback, callback);
  Reflect.set(socket, parts.buffer, sharedBytes);
  readTo((length) => take(sharedBytes, length));
  handle.useUserBuffer(sharedBytes);
  // What was put back comes before anything that is read from here on, the end too: to take it out may bring that about.
  if (socket.readableLength > 0) {
    process.nextTick(() => {
      const early = socket.destroyed ? null : (socket.read() as Buffer | null);
      if (early !== null) take(early, early.length);
    });
  }
  return {
    readPresent: () => {
      for (let count = 0; count < mostReadsAtOnce; count++) {
        const length = readAtOnce(handle.fd);
        if (length > 0) take(sharedBytes, length);
        if (length < sharedBytes.length || socket.destroyed) return;
      }
    },
    end: () => readTo((length) => socket.push(Buffer.from(sharedBytes.subarray(0, length)))),
  };
}

/** A connection that is read into the shared buffer. */
export interface SharedReading {
  /**
   * Takes what lies there, of a connection that is not being read: until the event loop has noticed that there is something
   * takes three turns of it. Not the end nor an error, nor anything where the system has no such descriptors: those show
   * when the connection is read again. The socket's `bytesRead` does not count it.
   */
  readPresent(): void;
  /** What comes from here on is read as from any other socket. */
  end(): void;
}

/** Bytes read into the shared buffer; 0 at the end, where nothing has come, and where it cannot be read so. */
function readAtOnce(fd: number | undefined): number {
  if (fd === undefined || fd < 0) return 0;
  try {
    return readSync(fd, sharedBytes);
  } catch {
    // EAGAIN, or an error that whoever reads next is told.
    return 0;
  }
}

function canReadInto(handle: Partial<ReadHandle> | null | undefined): handle is ReadHandle {
  return typeof handle?.useUserBuffer === 'function';
}

function findParts(): { readonly buffer: symbol; readonly callback: symbol } | undefined {
  const callback = () => true;
  const probe = new Socket({ onread: { buffer: sharedBytes, callback } });
  const symbolOf = (value: unknown) =>
    Object.getOwnPropertySymbols(probe).find((part) => Reflect.get(probe, part) === value);
  const found = { buffer: symbolOf(sharedBytes), callback: symbolOf(callback) };
  probe.destroy();
  return found.buffer !== undefined && found.callback !== undefined
    ? { buffer: found.buffer, callback: found.callback }
    : undefined;
}
