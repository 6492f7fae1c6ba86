import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type ListenOptions, type Server } from 'node:net';

const firstPort = 10_240;
const lastPort = 65_535;
const tries = 200;

/** The system gives connections, and servers that ask for port 0, the ports from this one on (ip(7), ip_local_port_range). */
function firstEphemeralPort(): number {
  const [first] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s/);
  return Number(first);
}

/** `undefined`: somebody else listens there. */
async function listenOn(address: ListenOptions): Promise<Server | undefined> {
  const server = createServer().listen(address);
  return once(server, 'listening').then(
    () => server,
    () => undefined,
  );
}

/**
 * A port of 127.0.0.1 on which nothing listens, and which stays free for whoever asked until this process ends: no
 * connection is given it, and no other test. So a server can leave it for half a minute and return. That it is taken is
 * told the other processes by an abstract Unix socket (unix(7)), which ends with its process however that ends.
 */
export async function freePort(): Promise<number> {
  const end = firstEphemeralPort();
  // Where the system's own begin as low as that, there are none that it leaves alone.
  const ports = (end > firstPort + tries ? end : lastPort + 1) - firstPort;
  for (let left = tries; left > 0; left--) {
    const port = firstPort + Math.floor(Math.random() * ports);
    const sign = await listenOn({ path: `\0streamfront-test-port-${port}` });
    if (sign === undefined) continue;
    sign.unref();
    const server = await listenOn({ port, host: '127.0.0.1' });
    if (server === undefined) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error(`no free port from ${firstPort} to ${firstPort + ports - 1} in ${tries} tries`);
}
