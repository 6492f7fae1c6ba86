import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../scripts/system-programs.mjs';
import { freePort, type ServerProcess, startServer } from './server-process.ts';

/**
 * nginx as a cache in front of an origin: one worker, sendfile, no access log, connections kept for as long as they
 * are used. Everything it writes lies in `folder`.
 */
export async function startNginxCache(folder: string, originPort: number): Promise<ServerProcess> {
  const nginx = findProgram('nginx');
  if (nginx === undefined) throw new Error('nginx is not installed');
  const port = await freePort();
  const temporary = join(folder, 'temporary');
  mkdirSync(temporary, { recursive: true });
  const configuration = join(folder, 'nginx.conf');
  const temporaryPaths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path "${join(temporary, kind)}";`)
    .join('\n');
  writeFileSync(
    configuration,
    `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid "${join(folder, 'nginx.pid')}";
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
${temporaryPaths}
  proxy_cache_path "${join(folder, 'cache')}" keys_zone=hits:10m max_size=1g inactive=1h use_temp_path=off;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${originPort};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache hits;
      add_header X-Cache $upstream_cache_status;
    }
  }
}
`,
  );
  return startServer(nginx, ['-p', folder, '-c', configuration], port);
}
