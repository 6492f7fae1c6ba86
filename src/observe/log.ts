import { type DestinationStream, destination, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import { z } from 'zod';

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
const secretFields = ['key', 'secret', 'streamKey', 'signingKey', 'authorization', 'cookie'].flatMap((field) => [
  field,
  `*.${field}`,
]);

/** Structured lines to standard error: standard output belongs to what a command prints for its user. */
export function createLog(settings: LogSettings): Logger {
  const text = settings.format === 'text' || (settings.format === 'auto' && process.stderr.isTTY);
  const stream: DestinationStream = text
    ? pretty({
        destination: stderrDescriptor,
        sync: true,
        colorize: process.stderr.isTTY,
        translateTime: 'HH:MM:ss.l',
        ignore: 'pid,hostname',
        singleLine: true,
      })
    : destination({ dest: stderrDescriptor, sync: true });
  return pino({ level: settings.level, base: null, redact: { paths: secretFields, censor: '(secret)' } }, stream);
}
