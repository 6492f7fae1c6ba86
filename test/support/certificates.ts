import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './ffmpeg.ts';

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** Makes a self-signed certificate for localhost and 127.0.0.1 with openssl, as `NAME.crt` and `NAME.key`. */
export async function makeCertificate(folder: string, name: string, days = 30): Promise<CertificateFiles> {
  const files = { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  const temporary = { certificate: `${files.certificate}.new`, key: `${files.key}.new` };
  const result = await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    String(days),
    '-subj',
    `/CN=${name}`,
    '-addext',
    'subjectAltName=DNS:localhost,IP:127.0.0.1',
    '-keyout',
    temporary.key,
    '-out',
    temporary.certificate,
  ]);
  if (result.code !== 0) throw new Error(`openssl made no certificate:\n${result.standardError}`);
  renameSync(temporary.key, files.key);
  renameSync(temporary.certificate, files.certificate);
  return files;
}
