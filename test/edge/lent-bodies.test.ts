import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { LentBuffers } from '../../src/stores/disk/lent-buffers.ts';
import { makeCertificate } from '../support/certificates.ts';
import { promisedBody, temporaryFolder } from '../stores/disk/test-disk.ts';
import { get, startTestEdge, startTestOrigin, type TestEdge } from './test-edge.ts';

const objects = 40;
const promised = Array.from({ length: objects }, (_, n) => promisedBody(`/o/${n}`, 700_000 + n * 8_000));

/** Whoever asks for several at once and is slow has more coming than the system holds: the rest waits in this process. */
type Way = 'one' | 'several' | 'several, slowly' | 'several, and leaves' | 'range' | 'the whole way';

interface Viewer {
  readonly first: number;
  readonly way: Way;
  /** Over TLS; ranges and the whole way are not. */
  readonly secure: boolean;
}

const several = 5;

const anyViewer: fc.Arbitrary<Viewer> = fc.record({
  first: fc.nat(objects - several),
  way: fc.constantFrom<Way[]>('one', 'several', 'several, slowly', 'several, and leaves', 'range', 'the whole way'),
  secure: fc.boolean(),
});

/** What is wrong with what this viewer gets. */
async function ask(edge: TestEdge, certificate: Buffer, { first, secure, way }: Viewer): Promise<string | undefined> {
  if (way === 'range' || way === 'the whole way') {
    const fields = way === 'range' ? { Range: 'bytes=1000-70999' } : { 'X-Unknown': '1' };
    const { body } = await get(edge.httpPort, `/o/${first}`, fields);
    const wanted = way === 'range' ? promised[first]?.subarray(1_000, 71_000) : promised[first];
    return wanted?.equals(body) === true ? undefined : `${first}, ${way}`;
  }
  const wanted = promised.slice(first, first + (way === 'one' ? 1 : several));
  const socket = secure
    ? connectSecurely({ port: edge.httpsPort ?? 0, host: '127.0.0.1', ca: certificate })
    : connect({ port: edge.httpPort, host: '127.0.0.1' });
  const pieces: Buffer[] = [];
  let missingBytes = wanted.reduce((sum, { length }) => sum + length, 0);
  socket.on('error', () => undefined);
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece);
    missingBytes -= piece.length;
    if (missingBytes < 0 && bodiesIn(Buffer.concat(pieces)).length === wanted.length) socket.destroy();
  });
  socket.write(wanted.map((_body, i) => `GET /o/${first + i} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
  if (way === 'several, slowly' || way === 'several, and leaves') {
    socket.pause();
    setTimeout(() => (way === 'several, slowly' ? socket.resume() : socket.destroy()), 40);
  }
  await once(socket, 'close');
  if (way === 'several, and leaves') return undefined;
  const bodies = bodiesIn(Buffer.concat(pieces));
  const right = wanted.filter((body, i) => bodies[i]?.equals(body) === true);
  return right.length === wanted.length
    ? undefined
    : `${first}, ${way}${secure ? ', over TLS' : ''}: ${right.length} of ${wanted.length}`;
}

/** Of whole answers. */
function bodiesIn(bytes: Buffer): Buffer[] {
  const begin = bytes.indexOf('\r\n\r\n') + 4;
  const length = Number(/\r\nContent-Length: (\d+)/.exec(bytes.subarray(0, begin).toString('latin1'))?.[1]);
  if (begin < 4 || !(bytes.length - begin >= length)) return [];
  return [bytes.subarray(begin, begin + length), ...bodiesIn(bytes.subarray(begin + length))];
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('bodies lent by the disk', () => {
  it('reach every viewer as they are, whoever else is slow, leaves, or brings them into memory', async () => {
    let free = 0;
    let notFree = 0;
    const giveBack = Reflect.get<LentBuffers, 'giveBack'>(LentBuffers.prototype, 'giveBack');
    vi.spyOn(LentBuffers.prototype, 'giveBack').mockImplementation(function (this: LentBuffers, buffer, isFree) {
      if (isFree) free++;
      else notFree++;
      // Whoever still reads it gets what no body holds.
      if (isFree) buffer.fill(0xdd);
      giveBack.call(this, buffer, isFree);
    });
    using temporary = temporaryFolder();
    const files = await makeCertificate(temporary.folder, 'edge');
    const certificate = readFileSync(files.certificate);
    await using origin = await startTestOrigin((request, response) => {
      const body = promised[Number(request.url?.split('/').at(-1))] ?? Buffer.alloc(0);
      response.writeHead(200, { 'Cache-Control': 'max-age=600', 'Content-Length': body.length }).end(body);
    });
    // Memory has room for eight of them.
    const cache = { memory: '8MiB', maxObject: '1MiB' };
    await using edge = await startTestEdge(
      origin.url,
      {},
      { cache, https: { port: 0, ...files } },
      { dataFolder: temporary.folder },
    );
    for (let n = 0; n < objects; n++) {
      await get(edge.httpPort, `/o/${n}`);
      await expect.poll(() => edge.stats().cache.disk?.objects, { timeout: 20_000 }).toBe(n + 1);
    }
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyViewer, { minLength: 1, maxLength: 12 }), { maxLength: 4 }),
        async (rounds) => {
          for (const viewers of rounds) {
            const wrong = await Promise.all(viewers.map((viewer) => ask(edge, certificate, viewer)));
            expect(wrong.filter((what) => what !== undefined)).toEqual([]);
          }
        },
      ),
      { numRuns: 20 },
    );
    expect(free).toBeGreaterThan(50);
    expect(notFree).toBeGreaterThan(0);

    expect(origin.requests).toHaveLength(objects);
  }, 120_000);
});
