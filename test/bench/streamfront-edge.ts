import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ConfigurationInput } from '../../src/cli/configuration-schema.ts';
import type { CertificateFiles } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { type ServerProcess, startServer } from './server-process.ts';

const mainFile = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');

/**
 * Our edge, as the real program runs it, in front of an origin. Everything it writes lies in `folder`; `settings` are
 * those of the edge that are not to be as they come.
 */
export async function startStreamFrontEdge(
  folder: string,
  originPort: number,
  settings: Partial<NonNullable<ConfigurationInput['edge']>> = {},
  tls?: CertificateFiles,
  nodeArgs: readonly string[] = [],
): Promise<ServerProcess> {
  const port = await freePort();
  const tlsPort = tls === undefined ? undefined : await freePort();
  const rtmpPort = await freePort();
  const configuration = join(folder, 'streamfront.yaml');
  writeFileSync(
    configuration,
    stringify({
      edge: {
        http: { port },
        ...(tls && { https: { port: tlsPort, ...tls } }),
        rtmp: { port: rtmpPort },
        accessLog: { folder: join(folder, 'access-log') },
        origins: { main: { url: `http://127.0.0.1:${originPort}` } },
        distributions: [{ name: 'bench', behaviours: [{ path: '*' }] }],
        ...settings,
      },
    }),
  );
  const args = [
    ...nodeArgs,
    mainFile,
    'start',
    '--role',
    'edge',
    '--config',
    configuration,
    '--data',
    join(folder, 'data'),
    '--control-port',
    '0',
  ];
  const server = await startServer(process.execPath, args, port);
  return tlsPort === undefined ? server : { ...server, tlsPort };
}
