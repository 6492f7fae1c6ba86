import { once } from 'node:events';
import { connect, type Server, Socket } from 'node:net';

/**
 * Both ends of a new connection to a server that listens on loopback: the one that it accepted, and the other. `meanwhile` is
 * called when that one has its descriptor.
 */
export async function socketPair(
  server: Server,
  meanwhile: () => void = () => {},
): Promise<{ readonly accepted: Socket; readonly other: Socket }> {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const connection: Promise<unknown[]> = once(server, 'connection');
  const other = connect(address.port, '127.0.0.1');
  process.nextTick(meanwhile);
  const [accepted] = await connection;
  if (!(accepted instanceof Socket)) throw new Error('no socket came');
  return { accepted, other };
}

/** What was sent before this to the server could have been read by now. */
export async function aRoundTrip(server: Server): Promise<void> {
  const { accepted, other } = await socketPair(server);
  other.write('x');
  await once(accepted, 'data');
  accepted.destroy();
  other.destroy();
}
