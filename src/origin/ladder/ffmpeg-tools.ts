import { execFile } from 'node:child_process';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { FfmpegMessages } from './ffmpeg-messages.ts';
import { type FfmpegVersion, probeArguments } from './ffmpeg-arguments.ts';
import { type Encoder, encoders, type FfmpegSettings } from './ladder-settings.ts';

/** What there is to make renditions with. */
export type FfmpegTools =
  | { readonly kind: 'found'; readonly program: string; readonly version: FfmpegVersion; readonly encoder: Encoder }
  | { readonly kind: 'missing'; readonly code: 'LADDER_NO_FFMPEG' | 'LADDER_NO_ENCODER'; readonly sentence: string };

/** Hardware that is not there may let its driver look for it for long. */
const probeDeadlineMs = 10_000;
/** How long it is believed that there is nothing. */
const missingForMs = 60_000;
const maxOutputBytes = 1_048_576;

/** Versions that are built from the source of a day have no number: those are newer than all that have. */
const unnumbered: FfmpegVersion = { major: Infinity, minor: 0 };

/**
 * Finds ffmpeg and an encoder that works here: each hardware encoder that this ffmpeg knows is tried with one picture,
 * in turn, until one succeeds. Asked once; when nothing was found, again a minute later at the earliest.
 */
export class FfmpegFinder {
  readonly #settings: FfmpegSettings;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #log: Log;
  #found: Promise<FfmpegTools> | undefined;
  #known: FfmpegTools | undefined;
  #askAgainMs = Infinity;
  #complained: string | undefined;

  constructor(settings: FfmpegSettings, clock: Pick<Clock, 'monotonicMs'>, log: Log) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  /** What was found last. */
  get known(): FfmpegTools | undefined {
    return this.#known;
  }

  find(): Promise<FfmpegTools> {
    if (this.#found === undefined || this.#clock.monotonicMs() >= this.#askAgainMs) {
      this.#askAgainMs = Infinity;
      this.#found = this.#look();
    }
    return this.#found;
  }

  async #look(): Promise<FfmpegTools> {
    const tools = await findTools(this.#settings);
    this.#known = tools;
    if (tools.kind === 'found') {
      const { major, minor } = tools.version;
      const version = Number.isFinite(major) ? `${major}.${minor}` : 'unnumbered';
      this.#log.info({ program: tools.program, version, encoder: tools.encoder }, 'Renditions are made by ffmpeg');
      this.#complained = undefined;
      return tools;
    }
    this.#askAgainMs = this.#clock.monotonicMs() + missingForMs;
    if (this.#complained !== tools.sentence) this.#log.error({ code: tools.code }, tools.sentence);
    this.#complained = tools.sentence;
    return tools;
  }
}

async function findTools(settings: FfmpegSettings): Promise<FfmpegTools> {
  const { program } = settings;
  const version = await run(program, ['-hide_banner', '-version']);
  if (!version.ok) {
    return {
      kind: 'missing',
      code: 'LADDER_NO_FFMPEG',
      sentence:
        `Renditions need ffmpeg, and "${program}" cannot be run (${version.reason}): install it (apt install ffmpeg, ` +
        'dnf install ffmpeg, brew install ffmpeg) or name it in origin.live.ffmpeg.program. Streams go on without them.',
    };
  }
  const known = await run(program, ['-hide_banner', '-encoders']);
  const wanted = settings.encoder === 'auto' ? encoders : [settings.encoder];
  let reason = 'this ffmpeg does not know it';
  for (const encoder of wanted) {
    if (!new RegExp(`\\b${encoder}\\b`).test(known.output)) continue;
    const probe = await run(program, probeArguments(encoder, settings));
    if (probe.ok) return { kind: 'found', program, version: parseVersion(version.output), encoder };
    reason = probe.reason;
  }
  const name = wanted.at(-1);
  return {
    kind: 'missing',
    code: 'LADDER_NO_ENCODER',
    sentence:
      `Renditions need an encoder of H.264, and ${name} of "${program}" does not work here: ${reason}. Install an ` +
      'ffmpeg with libx264 or choose another origin.live.ffmpeg.encoder. Streams go on without renditions.',
  };
}

/** `ffmpeg version 5.1.9-0+deb12u1 …` → 5.1. */
export function parseVersion(output: string): FfmpegVersion {
  const [, major, minor] = /^ffmpeg version n?(\d+)\.(\d+)/.exec(output) ?? [];
  return major === undefined ? unnumbered : { major: Number(major), minor: Number(minor) };
}

interface RunResult {
  readonly ok: boolean;
  readonly output: string;
  readonly reason: string;
}

function run(program: string, args: readonly string[]): Promise<RunResult> {
  const options = { timeout: probeDeadlineMs, killSignal: 'SIGKILL', maxBuffer: maxOutputBytes } as const;
  return new Promise((resolve) => {
    const child = execFile(program, args, options, (error, output, errorOutput) => {
      resolve({ ok: error === null, output, reason: error === null ? '' : reasonOf(error, errorOutput) });
    });
    child.stdin?.end();
  });
}

function reasonOf(error: Error & { code?: unknown; killed?: boolean }, errorOutput: string): string {
  if (error.code === 'ENOENT') return 'there is no such program';
  if (error.killed === true) return `it did not end within ${probeDeadlineMs / 1_000} s`;
  const messages = new FfmpegMessages();
  messages.push(`${errorOutput}\n`);
  return messages.reason ?? (errorOutput || error.message).split('\n', 1)[0]?.slice(0, 300) ?? '';
}
