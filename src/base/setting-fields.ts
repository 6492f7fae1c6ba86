import { z } from 'zod';
import { parseBitsPerSecond, parseDurationMs, parseSizeBytes } from './units.ts';

/** Building blocks of the configuration schemas: each takes what an operator writes and gives what the code wants. */

/** A duration such as `350ms`, `6s`, `2h`; becomes milliseconds. */
export function durationField(bounds: { minMs?: number; maxMs?: number } = {}) {
  return z
    .string()
    .meta({ title: 'duration' })
    .transform((text, context) => {
      const ms = parseDurationMs(text);
      if (ms === undefined) {
        context.issues.push({
          code: 'custom',
          message: `"${text}" is not a duration: write a number and ms, s, m, h or d, such as 6s`,
          input: text,
        });
        return z.NEVER;
      }
      if (ms < (bounds.minMs ?? 0) || ms > (bounds.maxMs ?? Number.MAX_SAFE_INTEGER)) {
        context.issues.push({
          code: 'custom',
          message: `${text} is out of range: at least ${bounds.minMs ?? 0} ms${bounds.maxMs === undefined ? '' : `, at most ${bounds.maxMs} ms`}`,
          input: text,
        });
        return z.NEVER;
      }
      return ms;
    });
}

/** A size such as `512MiB` or `10GB`; becomes bytes. */
export function sizeField(bounds: { minBytes?: number; maxBytes?: number } = {}) {
  return z
    .string()
    .meta({ title: 'size' })
    .transform((text, context) => {
      const bytes = parseSizeBytes(text);
      if (bytes === undefined || bytes < (bounds.minBytes ?? 0)) {
        context.issues.push({
          code: 'custom',
          message:
            bytes === undefined
              ? `"${text}" is not a size: write a number and B, kB, MB, GB, KiB, MiB or GiB, such as 512MiB`
              : `${text} is too small: at least ${bounds.minBytes ?? 0} bytes`,
          input: text,
        });
        return z.NEVER;
      }
      if (bounds.maxBytes !== undefined && bytes > bounds.maxBytes) {
        context.issues.push({
          code: 'custom',
          message: `${text} is too large: at most ${bounds.maxBytes} bytes`,
          input: text,
        });
        return z.NEVER;
      }
      return bytes;
    });
}

/** A bitrate such as `800kbps` or `2.5Mbps`; becomes bits a second. */
export function bitrateField(bounds: { minBitsPerSecond: number; maxBitsPerSecond: number }) {
  return z
    .string()
    .meta({ title: 'bitrate' })
    .transform((text, context) => {
      const bitsPerSecond = parseBitsPerSecond(text);
      const fits =
        bitsPerSecond !== undefined &&
        bitsPerSecond >= bounds.minBitsPerSecond &&
        bitsPerSecond <= bounds.maxBitsPerSecond;
      if (fits) return bitsPerSecond;
      context.issues.push({
        code: 'custom',
        message:
          bitsPerSecond === undefined
            ? `"${text}" is not a bitrate: write a number and bps, kbps or Mbps, such as 2.5Mbps`
            : `${text} is out of range: ${bounds.minBitsPerSecond} to ${bounds.maxBitsPerSecond} bits a second`,
        input: text,
      });
      return z.NEVER;
    });
}

/** Where a listener stands. Port 0 takes any free port. */
export function listenField(defaultPort: number) {
  return z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1').describe('Address to listen on; `0.0.0.0` or `::` for all'),
      port: z.int().min(0).max(65_535).default(defaultPort).describe('TCP port; 0 takes any free one'),
    })
    .prefault({});
}

/** Where a listener for TLS stands, and what it presents. `portText` says what the usual port is. */
export function tlsListenField(portText: string) {
  return z.strictObject({
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on; `0.0.0.0` or `::` for all'),
    port: z.int().min(0).max(65_535).describe(portText),
    certificate: z.string().min(1).describe('PEM file with the certificate and those that lead to its root'),
    key: z.string().min(1).describe('PEM file with the private key; both files are read again when they change'),
  });
}

/** Whether an address to listen on, or that of a peer, never leaves this machine. */
export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' ||
    host === '::1' ||
    /^127(?:\.\d{1,3}){3}$/.test(host) ||
    /^::ffff:127(?:\.\d{1,3}){3}$/.test(host)
  );
}

/** Which streams a rule is for; `counts` says which rule does where several fit. */
export function streamsField(counts: 'every' | 'first') {
  const rule = counts === 'every' ? 'every rule that fits counts' : 'the first rule that fits counts';
  return z
    .string()
    .min(1)
    .max(256)
    .describe(`Which streams: a name such as \`live/stage\`, \`*\` for any run of characters; ${rule}`);
}

/** Where a secret stands: in a file or in the environment, not in the configuration. */
export function secretField(described: string) {
  return z
    .strictObject({
      file: z
        .string()
        .min(1)
        .optional()
        .describe(`${described}: a file that only its owner may read; read again when it changes`),
      env: z
        .string()
        .regex(/^[A-Za-z_]\w*$/, 'must be the name of an environment variable')
        .optional()
        .describe('… or the environment variable that holds it'),
    })
    .refine(({ file, env }) => (file === undefined) !== (env === undefined), {
      error: 'write either file: and a path, or env: and the name of a variable',
    });
}
