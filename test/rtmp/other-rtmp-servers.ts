import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { eventually } from '../support/condition.ts';

/** Another RTMP server in a process of its own, on loopback, that records what is published to it. */
export interface OtherServer {
  readonly port: number;
  /** The FLV files that it has written. */
  recordings(): string[];
  stop(): Promise<void>;
}

/** nginx with the RTMP module; works in `folder`. */
export async function startNginxRtmp(folder: string): Promise<OtherServer> {
  const port = await freePort();
  const recorded = join(folder, 'recorded');
  mkdirSync(recorded, { recursive: true });
  // The worker has another user than root when root starts it.
  chmodSync(folder, 0o777);
  chmodSync(recorded, 0o777);
  const configuration = join(folder, 'nginx.conf');
  writeFileSync(
    configuration,
    `load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
    daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
    events { worker_connections 64; }
    rtmp { server { listen 127.0.0.1:${port}; application live { live on; record all; record_path ${recorded}; } } }`,
  );
  const child = spawn('nginx', ['-e', join(folder, 'error.log'), '-p', folder, '-c', configuration], {
    stdio: 'ignore',
  });
  return running('nginx with the RTMP module', child, port, recorded);
}

/** node-media-server; works in `folder`. */
export async function startNodeMediaServer(folder: string): Promise<OtherServer> {
  const port = await freePort();
  const recorded = join(folder, 'recorded');
  mkdirSync(recorded, { recursive: true });
  const configuration = {
    bind: '127.0.0.1',
    notify: { url: '' },
    store: { path: join(folder, 'data') },
    auth: { play: false, publish: false, secret: '' },
    rtmp: { port },
    record: { path: recorded },
  };
  const main = `const NodeMediaServer = require('node-media-server'); new NodeMediaServer(${JSON.stringify(configuration)}).run();`;
  const child = spawn(process.execPath, ['-e', main], { stdio: 'ignore', cwd: process.cwd() });
  return running('node-media-server', child, port, recorded);
}

async function running(what: string, child: ChildProcess, port: number, recorded: string): Promise<OtherServer> {
  const exited = once(child, 'exit');
  await eventually(`${what} listens`, () => {
    if (child.exitCode !== null) throw new Error(`${what} ended with ${child.exitCode}`);
    return isListening(port);
  });
  return {
    port,
    recordings: () =>
      readdirSync(recorded, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.flv'))
        .map((name) => join(recorded, name)),
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Free a moment ago: programs that cannot be told to choose one need it. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
