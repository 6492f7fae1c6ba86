import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { listenAt, listenFinding } from '../../src/sockets/listening.ts';

const servers: Server[] = [];

function server(): Server {
  const made = createServer();
  servers.push(made);
  return made;
}

afterEach(() => {
  for (const made of servers.splice(0)) made.close();
});

const failure = (host: string, port: number) =>
  listenAt(server(), { host, port }).then(
    () => 'it listens',
    (error: unknown) => listenFinding(error, { host, port }, 'edge.http.port'),
  );

describe('listenFinding', () => {
  it('says what to do about a port that is in use', async () => {
    const taken = server();
    await listenAt(taken, { host: '127.0.0.1', port: 0 });
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await failure('127.0.0.1', port)).toBe(
      `port ${port} on 127.0.0.1 is in use: choose another with edge.http.port (0 takes any free one)`,
    );
  });

  it('names the setting of the host where this machine has no such address', async () => {
    // TEST-NET-1 (RFC 5737): nobody's.
    expect(await failure('192.0.2.1', 0)).toBe('this machine has no address 192.0.2.1: change edge.http.host');
  });

  it.each([
    [
      Object.assign(new Error('listen EACCES'), { code: 'EACCES' }),
      /port 80 on ::1 is not allowed.* above 1023 with edge/,
    ],
    [new Error('out of luck'), /cannot be had \(out of luck\): see edge\.http\.port and edge\.http\.host/],
  ])('has words for %s', (error, words) => {
    expect(listenFinding(error, { host: '::1', port: 80 }, 'edge.http.port')).toMatch(words);
  });
});
