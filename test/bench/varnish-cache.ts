import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../scripts/system-programs.mjs';
import { freePort } from '../support/free-port.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** Varnish as a cache in memory in front of an origin, as it comes. Everything it writes lies in `folder`. */
export async function startVarnishCache(folder: string, originPort: number): Promise<ServerProcess> {
  const varnishd = findProgram('varnishd');
  if (varnishd === undefined) throw new Error('Varnish is not installed');
  const port = await freePort();
  const configuration = join(folder, 'bench.vcl');
  const work = join(folder, 'work');
  mkdirSync(work, { recursive: true });
  writeFileSync(
    configuration,
    `vcl 4.1;
backend origin { .host = "127.0.0.1"; .port = "${originPort}"; }
sub vcl_deliver {
  if (obj.hits > 0) { set resp.http.X-Cache = "Hit"; } else { set resp.http.X-Cache = "Miss"; }
}
`,
  );
  // Without a jail: it runs as whoever runs the benchmark.
  const args = ['-F', '-j', 'none', '-n', work, '-a', `127.0.0.1:${port}`, '-T', 'none', '-f', configuration];
  return startServer(varnishd, [...args, '-s', 'malloc,512m'], port);
}
