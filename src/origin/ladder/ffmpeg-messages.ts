/** Longer lines are cut. */
const longestLine = 500;
/** What is kept of a process's complaints. */
const keptComplaints = 5;

export interface FfmpegMessage {
  readonly level: 'warning' | 'error';
  readonly text: string;
}

/**
 * Reads what ffmpeg writes to its standard error with `-loglevel level+warning`, in whatever pieces it comes, without
 * keeping more than a line and the last few complaints.
 */
export class FfmpegMessages {
  #line = '';
  readonly #complaints: string[] = [];

  push(text: string): FfmpegMessage[] {
    const [first = '', ...rest] = text.split(/[\r\n]/);
    const messages: FfmpegMessage[] = [];
    this.#line = (this.#line + first).slice(0, longestLine);
    for (const next of rest) {
      this.#complete(messages);
      this.#line = next.slice(0, longestLine);
    }
    return messages;
  }

  /** Why it ended, in its own words: the first of the last few errors, which the others follow from. */
  get reason(): string | undefined {
    this.#complete([]);
    return this.#complaints[0];
  }

  #complete(messages: FfmpegMessage[]): void {
    const message = parseMessage(this.#line);
    this.#line = '';
    if (message === undefined) return;
    messages.push(message);
    if (message.level !== 'error') return;
    this.#complaints.push(message.text);
    if (this.#complaints.length > keptComplaints) this.#complaints.shift();
  }
}

/** `[h264_nvenc @ 0x55d5] [error] Cannot load libcuda.so.1`; without an address, which is never the same. */
function parseMessage(line: string): FfmpegMessage | undefined {
  const match = /\[(warning|error|fatal|panic)\] (.*)$/.exec(line);
  const text = match?.[2]?.trim();
  if (match === null || text === undefined || text === '') return undefined;
  const part = /^\[([^@\]]+?) @ 0x[0-9a-f]+\]/.exec(line)?.[1];
  return {
    level: match[1] === 'warning' ? 'warning' : 'error',
    text: printable(part === undefined ? text : `${part}: ${text}`),
  };
}

function printable(text: string): string {
  return text.replace(/@ 0x[0-9a-f]+/g, '').replace(/[^\x20-\x7e]/g, '?');
}
