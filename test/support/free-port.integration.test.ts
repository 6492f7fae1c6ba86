import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { freePort } from './free-port.ts';

const servers: Server[] = [];

async function listenOn(address: { readonly port: number; readonly host: string }) {
  const server = createServer().listen(address);
  servers.push(server);
  await once(server, 'listening');
}

/** A process that has been given the port that this random number stands for, and keeps it until it is told to end. */
async function otherProcess(drawn: number): Promise<{ readonly port: number; end(): Promise<void> }> {
  const module = JSON.stringify(join(import.meta.dirname, 'free-port.ts'));
  const script = `Math.random = () => ${drawn};
    import(${module}).then(async ({ freePort }) => {
      process.stdout.write(String(await freePort()));
      process.stdin.once('data', () => process.exit());
    });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  const exited = once(child, 'exit');
  return {
    port: Number(String(port)),
    async end() {
      child.stdin.write('end');
      await exited;
    },
  };
}

afterEach(() => {
  vi.restoreAllMocks();
  for (const server of servers.splice(0)) server.close();
});

describe('freePort', () => {
  it('gives a port that the system gives nobody, and another one each time', async () => {
    const [first] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s/);
    const ports = [await freePort(), await freePort(), await freePort()];
    expect(new Set(ports).size).toBe(3);
    for (const port of ports) {
      // A system that keeps nothing back from 10,240 on has no such port.
      expect(port).toBeLessThan(Number(first) > 10_440 ? Number(first) : 65_536);
      await listenOn({ port, host: '127.0.0.1' });
    }
  });

  it('gives none that another process was given, until that process ends, and none where something listens', async () => {
    const other = await otherProcess(0.25);
    const drawn = vi.spyOn(Math, 'random').mockReturnValueOnce(0.25).mockReturnValueOnce(0.5);
    expect(await freePort()).not.toBe(other.port);
    expect(drawn).toHaveBeenCalledTimes(2);
    await other.end();

    await listenOn({ port: other.port, host: '127.0.0.1' });
    drawn.mockReturnValueOnce(0.25).mockReturnValueOnce(0.75);
    expect(await freePort()).not.toBe(other.port);
    expect(drawn).toHaveBeenCalledTimes(4);

    const ended = await otherProcess(0.9);
    await ended.end();
    drawn.mockReturnValueOnce(0.9);
    expect(await freePort()).toBe(ended.port);
  });
});
