import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Exchange, ExchangeRecorder } from './exchange.ts';
import { StandardLogLines, standardLogHeader } from './standard-log.ts';

export interface AccessLogOptions {
  readonly folder: string;
  /** A file is closed and the next begun when it has this many bytes, and with every full hour. */
  readonly maxFileBytes: number;
  /** In the lines and in the names of the files. */
  readonly location: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface AccessLogStats {
  readonly linesWritten: number;
  /** Lines lost because the disk was too slow, full or gone. */
  readonly linesDropped: number;
}

interface LogFile {
  readonly handle: FileHandle;
  /** `2026-11-20-15`. */
  readonly hour: string;
  bytes: number;
}

/**
 * So many wait to become lines, at most as long as lines wait: made one after the other they cost less than between
 * answers, when the processor has forgotten each time how it is done.
 */
const gatheredExchanges = 128;
/** Lines wait this long at most for others to be written with. */
const flushDelayMs = 1_000;
/** As much is written at once, when there is much. */
const pageBytes = 524_288;
/** More than any line of a request within the bounds of its head has. */
const maxLineBytes = 262_144;
/** So many pages wait for a slow disk; further lines are dropped. */
const maxWaitingPages = 32;

/** So many pages are kept to be filled again. */
const keptPages = 4;

/** Lines on their way to a file. */
interface Page {
  readonly bytes: Buffer;
  length: number;
  lines: number;
  /** Nothing is added any more: it is to be written. */
  sealed: boolean;
}

function newPage(): Page {
  return emptied({ bytes: Buffer.allocUnsafeSlow(pageBytes) });
}

function emptied({ bytes }: Pick<Page, 'bytes'>): Page {
  return { bytes, length: 0, lines: 0, sealed: false };
}

/** Only its owner reads it: addresses of people are in it. */
const fileMode = 0o600;
const folderMode = 0o700;

/**
 * CloudFront's standard access log in files `LOCATION.YYYY-MM-DD-HH.UNIQUE.log` of a folder. A viewer never waits for
 * it: lines are gathered and written behind the answers, and dropped and counted when the disk does not keep up.
 */
export class AccessLog implements ExchangeRecorder {
  readonly #options: AccessLogOptions;
  readonly #lines: StandardLogLines;
  /** The last one is being filled. */
  readonly #pages: Page[] = [];
  /** Were written: a new one would be half a megabyte for the system to clear and for garbage collection to count. */
  readonly #sparePages: Page[] = [];
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #file: LogFile | undefined;
  /** The first `#gathered` wait to become lines. */
  readonly #exchanges: (Exchange | undefined)[] = Array.from({ length: gatheredExchanges });
  #gathered = 0;
  #linesWritten = 0;
  #linesDropped = 0;
  #troubled = false;
  #closed = false;

  constructor(options: AccessLogOptions) {
    this.#options = options;
    this.#lines = new StandardLogLines(options.location);
  }

  record(exchange: Exchange): void {
    if (this.#closed) {
      this.#linesDropped++;
      return;
    }
    this.#exchanges[this.#gathered++] = exchange;
    if (this.#gathered === gatheredExchanges) this.#writeLines();
    else this.#timer ??= this.#options.clock.after(flushDelayMs, () => this.#flush());
  }

  /** What was gathered becomes lines. */
  #writeLines(): void {
    const count = this.#gathered;
    this.#gathered = 0;
    for (let i = 0; i < count; i++) {
      const exchange = this.#exchanges[i];
      this.#exchanges[i] = undefined;
      if (exchange !== undefined) this.#writeLine(exchange);
    }
    this.#writePages();
  }

  #writeLine(exchange: Exchange): void {
    const page = this.#pages.at(-1);
    if (page?.sealed === false && (this.#append(exchange, page) || page.length === 0)) return;
    if (page !== undefined) page.sealed = true;
    if (this.#pages.length >= maxWaitingPages) {
      this.#linesDropped++;
      return;
    }
    const next = this.#sparePages.pop() ?? newPage();
    this.#pages.push(next);
    this.#append(exchange, next);
  }

  /** `false`: it did not fit. On an empty page it is lost then. */
  #append(exchange: Exchange, page: Page): boolean {
    const room = Math.min(maxLineBytes, page.bytes.length - page.length);
    const end = this.#lines.write(exchange, page.bytes, page.length, room);
    const fits = end > page.length;
    if (fits) page.lines++;
    else if (page.length === 0) this.#linesDropped++;
    page.length = end;
    return fits;
  }

  stats(): AccessLogStats {
    return { linesWritten: this.#linesWritten, linesDropped: this.#linesDropped };
  }

  /** Writes what waits. Nothing is recorded from here on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#flush();
    await this.#writing;
    await this.#endFile();
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#writeLines();
    const page = this.#pages.at(-1);
    if (page !== undefined && page.lines > 0) page.sealed = true;
    this.#writePages();
  }

  #writePages(): void {
    if (this.#pages[0]?.sealed === true) this.#writing ??= this.#writeSealedPages();
  }

  async #writeSealedPages(): Promise<void> {
    for (let page = this.#pages[0]; page?.sealed === true; page = this.#pages[0]) {
      this.#pages.shift();
      try {
        await this.#write(page.bytes.subarray(0, page.length));
        this.#linesWritten += page.lines;
        if (this.#troubled) this.#options.log.info({}, 'the access log is written again');
        this.#troubled = false;
      } catch (error) {
        this.#linesDropped += page.lines;
        await this.#endFile();
        const { log, folder } = this.#options;
        // Once: the next flush tries again.
        if (!this.#troubled)
          log.warn({ err: error, folder, code: 'ACCESS_LOG_UNWRITABLE' }, 'access log lines are lost');
        this.#troubled = true;
      }
      if (this.#sparePages.length < keptPages) this.#sparePages.push(emptied(page));
    }
    // Not when the promise is settled: what is sealed in between would have nobody.
    this.#writing = undefined;
  }

  async #write(bytes: Buffer): Promise<void> {
    const hour = new Date(this.#options.clock.wallMs()).toISOString().slice(0, 13).replace('T', '-');
    if (this.#file !== undefined && (this.#file.hour !== hour || this.#file.bytes >= this.#options.maxFileBytes)) {
      await this.#endFile();
    }
    this.#file ??= await this.#beginFile(hour);
    this.#file.bytes += bytes.length;
    await this.#file.handle.writeFile(bytes);
  }

  async #beginFile(hour: string): Promise<LogFile> {
    const { folder, location } = this.#options;
    await mkdir(folder, { recursive: true, mode: folderMode });
    const name = `${location}.${hour}.${randomBytes(4).toString('hex')}.log`;
    const handle = await open(join(folder, name), 'ax', fileMode);
    await handle.writeFile(standardLogHeader);
    return { handle, hour, bytes: standardLogHeader.length };
  }

  async #endFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    // What could not be written was reported already.
    await file?.handle.close().catch(() => undefined);
  }
}
