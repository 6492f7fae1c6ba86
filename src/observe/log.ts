import { type DestinationStream, destination, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import { z } from 'zod';
import { redactUrl } from './log-redaction.ts';

export const logSchema = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error'])
      .default('info')
      .describe('The least important lines that are still written'),
    format: z
      .enum(['auto', 'text', 'json'])
      .default('auto')
      .describe('`text` for people, `json` for machines; `auto`: text on a terminal, else JSON'),
  })
  .prefault({});

export type LogSettings = z.output<typeof logSchema>;

const stderrDescriptor = 2;

/**
 * Fields that may hold a stream key or a signing key are cut out wherever a line carries them, so that a careless
 * line cannot leak one.
 */
const secretFields = [
  'key',
  'secret',
  'secrets',
  'streamKey',
  'signingKey',
  'token',
  'password',
  'signature',
  'authorization',
  'cookie',
  'headers',
];

/** Fields that hold an address, whose query may hold such a thing: the rest of it stays. */
const addressFields = ['url', 'tcUrl', 'target', 'cacheKey'];
/** Lists of such. */
const addressLists = ['items'];

const isAddress: ReadonlySet<unknown> = new Set([...addressFields, ...addressLists]);

/** `path` leads to the value. */
function censored(value: unknown, path: readonly unknown[]): unknown {
  return path.some((step) => isAddress.has(step)) ? redactUrl(String(value)) : '(secret)';
}

/** Of an error all of this is told. Others have the bytes that came, the request that failed or its URL among them. */
const errorFields = [
  'type',
  'message',
  'stack',
  'code',
  'errno',
  'syscall',
  'address',
  'port',
  'path',
  'statusCode',
  'byteOffset',
  'section',
  'limit',
  'value',
  'findings',
  'aggregateErrors',
] as const;

function serializedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const whole: Record<string, unknown> = { ...pino.stdSerializers.err(error) };
  return Object.fromEntries(errorFields.filter((field) => field in whole).map((field) => [field, whole[field]]));
}

/** Structured lines to standard error: standard output belongs to what a command prints for its user. */
export function createLog(settings: LogSettings): Logger {
  return logTo(standardError(settings), settings.level);
}

/** Structured lines. */
export function logTo(stream: DestinationStream, level: LogSettings['level']): Logger {
  return pino(
    {
      level,
      base: null,
      redact: {
        paths: [
          ...[...secretFields, ...addressFields].flatMap((field) => [field, `*.${field}`]),
          ...addressLists.map((field) => `${field}[*]`),
        ],
        censor: censored,
      },
      serializers: { err: serializedError },
    },
    stream,
  );
}

function standardError(settings: LogSettings): DestinationStream {
  const text = settings.format === 'text' || (settings.format === 'auto' && process.stderr.isTTY);
  return text
    ? pretty({
        destination: stderrDescriptor,
        sync: true,
        colorize: process.stderr.isTTY,
        translateTime: 'HH:MM:ss.l',
        ignore: 'pid,hostname',
        singleLine: true,
      })
    : destination({ dest: stderrDescriptor, sync: true });
}
