import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, programs } from '../../scripts/system-programs.mjs';
import { type ServerProcess, startServer } from '../bench/server-process.ts';
import { freePort } from '../support/free-port.ts';

/** Another RTMP server in a process of its own, on loopback, that records what is published to it. */
export interface RecordingServer {
  readonly server: ServerProcess;
  /** The FLV files that it has written. */
  recordings(): string[];
}

/** nginx with the RTMP module; works in `folder`. Takes any free port if none is given. */
export async function startNginxRtmp(folder: string, onPort?: number): Promise<RecordingServer> {
  const nginx = findProgram('nginx');
  if (nginx === undefined) throw new Error('nginx is not installed');
  const port = onPort ?? (await freePort());
  const recorded = recordingFolder(folder);
  const configuration = join(folder, 'nginx.conf');
  writeFileSync(
    configuration,
    `load_module ${programs.nginxRtmp.files[0]};
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    daemon off; worker_processes 1; pid "${folder}/nginx.pid"; error_log stderr warn;
    events { worker_connections 64; }
    rtmp { server { listen 127.0.0.1:${port}; application live { live on; record all; record_path "${recorded}"; } } }`,
  );
  const server = await startServer(nginx, ['-e', 'stderr', '-p', folder, '-c', configuration], port);
  return { server, recordings: () => recordingsIn(recorded) };
}

/** What node-media-server shall fetch from another server, and under which path it has it then. */
export interface RelayTask {
  readonly url: string;
  /** `/live/name` */
  readonly streamPath: string;
}

/** node-media-server; works in `folder`. Takes any free port if none is given. */
export async function startNodeMediaServer(
  folder: string,
  onPort?: number,
  pulls: readonly RelayTask[] = [],
): Promise<RecordingServer> {
  const port = onPort ?? (await freePort());
  const recorded = recordingFolder(folder);
  const configuration = {
    bind: '127.0.0.1',
    notify: { url: '' },
    store: { path: join(folder, 'data') },
    auth: { play: false, publish: false, secret: '' },
    rtmp: { port },
    record: { path: recorded },
  };
  const tasks = JSON.stringify(pulls.map((task) => ({ mode: 'pull', ...task })));
  const main = `const NodeMediaServer = require('node-media-server');
    const server = new NodeMediaServer(${JSON.stringify(configuration)});
    server.run().then(() => { for (const task of ${tasks}) server.relayServer.addTask(task); });`;
  const server = await startServer(process.execPath, ['-e', main], port);
  return { server, recordings: () => recordingsIn(recorded) };
}

function recordingFolder(folder: string): string {
  const recorded = join(folder, 'recorded');
  mkdirSync(recorded, { recursive: true });
  return recorded;
}

function recordingsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.flv'))
    .map((name) => join(folder, name));
}
