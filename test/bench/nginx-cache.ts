import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../scripts/system-programs.mjs';
import type { CertificateFiles } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** `/1000`: answers of less than ten thousand bytes. */
const smallPaths = '~ ^/[0-9][0-9]?[0-9]?[0-9]?$';

/**
 * How nginx is set up beyond what both have: one worker, sendfile, no access log, connections kept for as long as they
 * are used.
 */
export type NginxTuning =
  /** As it comes. */
  | 'default'
  /**
   * Files of the cache stay open, and the head of a small answer waits for its body (`tcp_nopush`): each saves a system
   * call or two. Larger answers go without `tcp_nopush`: over loopback, whose segments are 64 KiB, their last bytes
   * would be held back for 200 ms.
   */
  | 'tuned';

/** Paths that nginx gives to those only who have a secure link, whoever has one the same object. */
export interface SecureLinks {
  /** With its slashes. */
  readonly below: string;
  readonly secret: string;
}

/** nginx as a cache in front of an origin. Everything it writes lies in `folder`. */
export async function startNginxCache(
  folder: string,
  originPort: number,
  tuning: NginxTuning,
  tls?: CertificateFiles,
  links?: SecureLinks,
): Promise<ServerProcess> {
  const nginx = findProgram('nginx');
  if (nginx === undefined) throw new Error('nginx is not installed');
  const port = await freePort();
  const tlsPort = tls === undefined ? undefined : await freePort();
  const temporary = join(folder, 'temporary');
  mkdirSync(temporary, { recursive: true });
  const configuration = join(folder, 'nginx.conf');
  const temporaryPaths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path "${join(temporary, kind)}";`)
    .join('\n');
  const cachedLocation = (pattern: string, more: string, cacheKey = '$request_uri') => `    location ${pattern} {
      proxy_pass http://127.0.0.1:${originPort};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache hits;
      proxy_cache_key ${cacheKey};
      add_header X-Cache $upstream_cache_status;
      ${more}
    }
`;
  const tuned = tuning === 'tuned';
  const guarded = (secret: string) => `secure_link $arg_md5,$arg_expires;
      secure_link_md5 "$secure_link_expires$uri ${secret}";
      if ($secure_link != "1") { return 403; }`;
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
  ${tuned ? 'open_file_cache max=1000 inactive=1h;' : ''}
${temporaryPaths}
  proxy_cache_path "${join(folder, 'cache')}" keys_zone=hits:10m max_size=1g inactive=1h use_temp_path=off;
  server {
    listen 127.0.0.1:${port};
${
  tls === undefined
    ? ''
    : `    listen 127.0.0.1:${tlsPort} ssl;
    ssl_certificate "${tls.certificate}";
    ssl_certificate_key "${tls.key}";
    ssl_protocols TLSv1.2 TLSv1.3;
`
}${cachedLocation('/', '')}${tuned ? cachedLocation(smallPaths, 'tcp_nopush on;') : ''}${links === undefined ? '' : cachedLocation(links.below, guarded(links.secret), '$uri')}  }
}
`,
  );
  const server = await startServer(nginx, ['-p', folder, '-c', configuration], port);
  return tlsPort === undefined ? server : { ...server, tlsPort };
}

/** Path and query of a link as `secure_link` takes it. */
export function secureLink({ secret }: SecureLinks, path: string, expiresSeconds: number): string {
  const md5 = createHash('md5').update(`${expiresSeconds}${path} ${secret}`).digest('base64url');
  return `${path}?md5=${md5}&expires=${expiresSeconds}`;
}
