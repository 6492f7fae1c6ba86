import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { findProgram, programs } from '../../scripts/system-programs.mjs';
import { eventually } from '../support/condition.ts';
import { freePort } from '../support/free-port.ts';
import { pidsOfTree } from './cpu-time.ts';
import { loadCore } from './processor.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** A server that takes publishers and players, in a process of its own on the core for servers. */
export interface RtmpServerProcess extends AsyncDisposable {
  readonly process: ServerProcess;
  readonly rtmpPort: number;
  /** Of HTTP-FLV; null where there is none. */
  readonly httpPort: number | null;
}

const mainFile = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');

/**
 * Streams of one measurement shall not burden the next one; and playlists reach back as little as they may, so that the
 * memory that they take has been taken before players are counted.
 */
const live = { reconnectGrace: '1s', window: '6s' };

/** How long a stream has to run until the memory of its playlists does not grow any more. */
export const playlistsFullSeconds = 9;

/** As in the configuration; what is left out has its default. */
export interface FanOutConfiguration {
  readonly mergeWindow?: string;
  readonly maxQueue?: string;
}

/** Our origin as the real program runs it, packaging and all. */
export async function startOurOrigin(folder: string, fanOut: FanOutConfiguration = {}): Promise<RtmpServerProcess> {
  const rtmpPort = await freePort();
  const httpPort = await freePort();
  const origin = { http: { port: httpPort }, rtmp: { port: rtmpPort }, live, fanOut };
  return startOurs(folder, 'origin', { origin }, { rtmpPort, httpPort });
}

/** Our origin with the files of a folder, beside the load: it stands for another machine. */
export async function startLibraryOrigin(folder: string, library: string): Promise<RtmpServerProcess> {
  const rtmpPort = await freePort();
  const httpPort = await freePort();
  const origin = { http: { port: httpPort }, rtmp: { port: rtmpPort }, library: { folder: library } };
  return startOurs(folder, 'origin', { origin }, { rtmpPort, httpPort }, loadCore);
}

/** Of answers in memory, as the edge has it by default; what viewers are in the middle of may take a quarter beside it. */
export const libraryCacheBytes = { memory: 536_870_912, held: 134_217_728 };

/** Our edge as it comes, which fetches files by a port. */
export async function startLibraryEdge(folder: string, originHttpPort: number): Promise<RtmpServerProcess> {
  const rtmpPort = await freePort();
  const httpPort = await freePort();
  const origins = { main: { url: `http://127.0.0.1:${originHttpPort}` } };
  const cache = { memory: `${libraryCacheBytes.memory}B` };
  const edge = { http: { port: httpPort }, rtmp: { port: rtmpPort }, cache, origins };
  return startOurs(folder, 'edge', { edge }, { rtmpPort, httpPort });
}

/** Our edge, which pulls streams from an origin when the first player asks for one. */
export async function startOurEdge(folder: string, origin: RtmpServerProcess): Promise<RtmpServerProcess> {
  const rtmpPort = await freePort();
  const httpPort = await freePort();
  const edge = {
    http: { port: httpPort },
    rtmp: { port: rtmpPort },
    origins: { main: { url: `http://127.0.0.1:${origin.httpPort}`, rtmp: `rtmp://127.0.0.1:${origin.rtmpPort}` } },
  };
  return startOurs(folder, 'edge', { edge }, { rtmpPort, httpPort });
}

async function startOurs(
  folder: string,
  role: 'origin' | 'edge',
  configuration: object,
  { rtmpPort, httpPort }: { rtmpPort: number; httpPort: number },
  core?: number,
): Promise<RtmpServerProcess> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'streamfront.yaml');
  writeFileSync(file, stringify(configuration));
  const args = [
    mainFile,
    'start',
    '--role',
    role,
    '--no-demo',
    '--config',
    file,
    '--data',
    join(folder, 'data'),
    '--control-port',
    '0',
  ];
  // Of the two listeners the one for HTTP comes last.
  return asRtmpServer(await startServer(process.execPath, args, httpPort, core), rtmpPort, httpPort);
}

/**
 * nginx with the RTMP module: one worker, no access log. Its chunks are as large as ours unless told otherwise: with the
 * 4,096 bytes that it makes by itself (`null`) it needs more processor time. Files of `films` are in its application `vod`.
 */
export async function startNginxRtmp(
  folder: string,
  chunkBytes: number | null = 65_536,
  films?: string,
): Promise<RtmpServerProcess> {
  const nginx = findProgram('nginx');
  if (nginx === undefined) throw new Error('nginx is not installed');
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const configuration = join(folder, 'nginx.conf');
  writeFileSync(
    configuration,
    `load_module ${programs.nginxRtmp.files[0]};
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid "${join(folder, 'nginx.pid')}";
error_log stderr warn;
events { worker_connections 4096; }
rtmp {
  access_log off;
  server {
    listen 127.0.0.1:${port};
    ${chunkBytes === null ? '' : `chunk_size ${chunkBytes};`}
    application live { live on; }
    ${films === undefined ? '' : `application vod { play "${films}"; }`}
  }
}
`,
  );
  const server = await startServer(nginx, ['-e', 'stderr', '-p', folder, '-c', configuration], port);
  // It listens before it has begun the process that works, whose processor time is looked at.
  await eventually('nginx has its worker', () => pidsOfTree(server.pid).length > 1);
  return asRtmpServer(server, port, null);
}

/** node-media-server on the same Node as ours, as its package configures it, on loopback. */
export async function startNodeMediaServer(folder: string): Promise<RtmpServerProcess> {
  const rtmpPort = await freePort();
  const httpPort = await freePort();
  const configuration = {
    bind: '127.0.0.1',
    notify: { url: '' },
    store: { path: join(folder, 'data') },
    auth: { play: false, publish: false, secret: '' },
    rtmp: { port: rtmpPort },
    http: { port: httpPort },
    record: { path: join(folder, 'recorded') },
  };
  mkdirSync(configuration.record.path, { recursive: true });
  const packageFile = JSON.stringify(createRequire(import.meta.url).resolve('node-media-server'));
  const main = `const NodeMediaServer = require(${packageFile}); new NodeMediaServer(${JSON.stringify(configuration)}).run();`;
  return asRtmpServer(await startServer(process.execPath, ['-e', main], rtmpPort), rtmpPort, httpPort);
}

function asRtmpServer(server: ServerProcess, rtmpPort: number, httpPort: number | null): RtmpServerProcess {
  return { process: server, rtmpPort, httpPort, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
