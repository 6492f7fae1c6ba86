import type { CloseBudget } from '../../base/close-budget.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { CmafVideoTrackConfig } from '../../formats/cmaf/cmaf-track.ts';
import { RefusalLog } from '../../live/refusal-log.ts';
import { settledWithin } from '../../rtmp/abortable-wait.ts';
import { RetryDelay } from '../../rtmp/retry-delay.ts';
import type { PlacedSample } from '../following-rendition.ts';
import type { FfmpegExit } from './ffmpeg-process.ts';
import type { FfmpegFinder } from './ffmpeg-tools.ts';
import { LadderFeed } from './ladder-feed.ts';
import type { FfmpegSettings, RenditionSettings } from './ladder-settings.ts';
import { OrderedOutputs } from './ordered-outputs.ts';
import type { RenditionSink } from './rendition-output.ts';
import { type PlannedRendition, planRenditions } from './rendition-plan.ts';

export interface LadderOptions {
  readonly renditions: readonly RenditionSettings[];
  readonly settings: FfmpegSettings;
  readonly finder: FfmpegFinder;
  /** Where the pictures of a rendition go. */
  readonly sinkOf: (name: string) => RenditionSink;
  readonly clock: Clock;
  /** That of the stream. */
  readonly log: Log;
  /** From 0 up to 1: spreads retries. */
  readonly random: () => number;
}

const retry = { firstMs: 1_000, longestMs: 60_000 } as const;
/** An ffmpeg that lasted this long has worked: its end is a new matter. */
const steadyMs = 10_000;
/** What ffmpeg has to give out what it still holds when a run of time is over. */
const drainMs = 5_000;
const closeMs = 1_000;
/** A hardware encoder that fails so often without a picture (it may have no session left) is given up for the stream. */
const hardwareTries = 2;
/** How many may still be giving out their last when another one begins: a source that changes all the time must wait. */
const maxLeaving = 2;

/**
 * The renditions of one stream: one ffmpeg for all of them, for each run of time. It begins at a keyframe; when it dies
 * it is started anew, later and later, and goes on at the next keyframe then.
 */
export class Ladder {
  readonly #options: LadderOptions;
  readonly #delay: RetryDelay;
  readonly #complaints: RefusalLog;
  #run: { readonly source: CmafVideoTrackConfig; readonly renditions: readonly PlannedRendition[] } | undefined;
  #feed: LadderFeed | undefined;
  /** Every ffmpeg there is, also those that only give out what they still hold. */
  readonly #running = new Set<Promise<void>>();
  readonly #leaving = new Set<LadderFeed>();
  readonly #outputs = new OrderedOutputs();
  #startFromMs = -Infinity;
  #failuresOfHardware = 0;
  /** What the log has been told and need not be told again. */
  readonly #told = new Set<string>();
  #closed = false;

  constructor(options: LadderOptions) {
    this.#options = options;
    this.#delay = new RetryDelay(retry, options.random);
    this.#complaints = new RefusalLog(options);
  }

  /** The renditions that there will be in this run, if there is an ffmpeg. */
  get expected(): readonly string[] {
    return this.#options.finder.known?.kind === 'missing' ? [] : (this.#run?.renditions.map(({ name }) => name) ?? []);
  }

  /** Resolves when no ffmpeg is left of those that there are now. */
  get ended(): Promise<unknown> {
    return Promise.all(this.#running);
  }

  /** Of the ffmpeg that is fed now. */
  get pid(): number | undefined {
    return this.#feed?.pid;
  }

  /** A run of continuous time begins, with this video; `undefined` where it has none. */
  startRun(source: CmafVideoTrackConfig | undefined): void {
    this.endRun();
    if (source === undefined || this.#closed) return;
    this.#run = { source, renditions: planRenditions(this.#options.renditions, source) };
    this.#giveUpWhatIsNotMade();
  }

  /** The next picture of the run, in decode order. */
  push(unit: PlacedSample): void {
    if (unit.keyframe && this.#feed?.isWornOut === true) this.#endFeed(drainMs);
    if (this.#feed === undefined && unit.keyframe) this.#feed = this.#start();
    const feed = this.#feed;
    if (feed === undefined || feed.push(unit)) return;
    this.#complaints.warn(
      'LADDER_TOO_SLOW',
      {},
      `LADDER_TOO_SLOW: ffmpeg does not keep up, ${feed.skipped} pictures were left out up to a keyframe: fewer or ` +
        'smaller renditions, a faster preset or a hardware encoder would help',
    );
  }

  /** Nothing of this run follows. What ffmpeg still holds comes in the next seconds. */
  endRun(): void {
    this.#run = undefined;
    this.#endFeed(drainMs);
  }

  /** Ends ffmpeg, in a second at most. */
  async close(budget: CloseBudget): Promise<void> {
    this.#closed = true;
    this.#run = undefined;
    const graceMs = budget.graceMs(closeMs);
    this.#endFeed(graceMs);
    for (const feed of this.#leaving) feed.end(graceMs);
    await settledWithin(this.#options.clock, budget.graceMs(2 * closeMs), this.ended);
  }

  #endFeed(graceMs: number): void {
    const feed = this.#feed;
    this.#feed = undefined;
    if (feed === undefined) return;
    this.#leaving.add(feed);
    feed.end(graceMs);
  }

  /** `undefined` as long as there is nothing to start, or it is not time yet. */
  #start(): LadderFeed | undefined {
    const { settings, finder, clock, log, sinkOf } = this.#options;
    const run = this.#run;
    if (run === undefined || run.renditions.length === 0) return undefined;
    if (clock.monotonicMs() < this.#startFromMs || this.#leaving.size >= maxLeaving) return undefined;
    const found = finder.known;
    if (found?.kind !== 'found') {
      void finder.find();
      return undefined;
    }
    const { source, renditions } = run;
    const givesUpHardware = settings.encoder === 'auto' && this.#failuresOfHardware >= hardwareTries;
    const tools = givesUpHardware ? ({ ...found, encoder: 'libx264' } as const) : found;
    const begunMs = clock.monotonicMs();
    const ended = Promise.withResolvers<void>();
    this.#running.add(ended.promise);
    const turn = this.#outputs.begin();
    const feed: LadderFeed = new LadderFeed({
      source,
      renditions,
      tools,
      settings,
      clock,
      sinkOf: (rendition) => {
        const sink = sinkOf(rendition.name);
        return {
          onConfig: (config) => turn.do(() => sink.onConfig(config)),
          onUnit: (unit) => turn.do(() => sink.onUnit(unit)),
        };
      },
      onUnplaced: ({ name }) => {
        const sentence =
          'LADDER_UNPLACED: pictures came out of ffmpeg at times that none went in with, and are left out';
        this.#complaints.warn('LADDER_UNPLACED', { rendition: name }, sentence);
      },
      onMessage: ({ level, text }) => {
        if (level === 'error') this.#complaints.warn('LADDER_FFMPEG', { reason: text }, 'LADDER_FFMPEG: ffmpeg says');
        else log.debug({ text }, 'ffmpeg says');
      },
      onExit: (exit) => {
        this.#leaving.delete(feed);
        this.#running.delete(ended.promise);
        turn.end();
        ended.resolve();
        const isCurrent = this.#feed === feed;
        if (isCurrent) this.#feed = undefined;
        if (!exit.asAsked && !this.#closed) {
          if (tools.encoder !== 'libx264' && !exit.gaveOutput) this.#failuresOfHardware++;
          if (isCurrent) this.#retryLater(exit, clock.monotonicMs() - begunMs);
          else log.debug({ pid: exit.pid, reason: exit.reason }, 'ffmpeg did not end as it should');
        }
        this.#giveUpWhatIsNotMade();
      },
    });
    const names = renditions.map(({ name, width, height }) => `${name} ${width}x${height}`);
    log.info({ pid: feed.pid, encoder: tools.encoder, renditions: names }, 'Renditions are being made');
    return feed;
  }

  /** Once nothing of it is on its way any more. */
  #giveUpWhatIsNotMade(): void {
    const { renditions, finder, clock, sinkOf } = this.#options;
    if (this.#leaving.size > 0) return;
    const isMade =
      this.#feed !== undefined ||
      (clock.monotonicMs() >= this.#startFromMs && finder.known?.kind !== 'missing' && !this.#closed);
    const made = new Set(isMade ? this.#run?.renditions.map(({ name }) => name) : []);
    for (const { name } of renditions) {
      if (!made.has(name)) sinkOf(name).giveUp();
    }
  }

  #retryLater({ pid, reason }: FfmpegExit, lastedMs: number): void {
    if (lastedMs >= steadyMs) {
      this.#delay.reset();
      this.#told.clear();
    }
    const retryMs = Math.round(this.#delay.nextMs());
    this.#startFromMs = this.#options.clock.monotonicMs() + retryMs;
    this.#tellOnce('LADDER_FAILED', `ffmpeg has ended: ${reason}. It is started anew, later and later.`, {
      pid,
      reason,
      retryMs,
    });
  }

  #tellOnce(code: string, sentence: string, fields: object = {}): void {
    const { log } = this.#options;
    if (this.#told.has(sentence)) log.debug({ code, ...fields }, sentence);
    else log.error({ code, ...fields }, sentence);
    // As many as ffmpeg has words for; those that it finds new words for every time are not kept.
    if (this.#told.size < 100) this.#told.add(sentence);
  }
}
