import type { Clock } from '../../base/clock.ts';
import { reasonOf } from '../../base/thrown.ts';
import type { CmafVideoTrackConfig } from '../../formats/cmaf/cmaf-track.ts';
import type { PlacedSample } from '../following-rendition.ts';
import { type FeedFormat, feedFormatOf } from './feed-format.ts';
import { ladderArguments } from './ffmpeg-arguments.ts';
import type { FfmpegMessage } from './ffmpeg-messages.ts';
import { type FfmpegExit, FfmpegProcess } from './ffmpeg-process.ts';
import type { FfmpegTools } from './ffmpeg-tools.ts';
import type { FfmpegSettings } from './ladder-settings.ts';
import { RenditionOutput, type RenditionSink } from './rendition-output.ts';
import type { PlannedRendition } from './rendition-plan.ts';
import { SourceFrames } from './source-frames.ts';

export interface LadderFeedOptions {
  readonly source: CmafVideoTrackConfig;
  readonly renditions: readonly PlannedRendition[];
  readonly tools: Extract<FfmpegTools, { kind: 'found' }>;
  readonly settings: FfmpegSettings;
  readonly clock: Clock;
  readonly sinkOf: (rendition: PlannedRendition) => Pick<RenditionSink, 'onConfig' | 'onUnit'>;
  /** A picture came back at a time that none went in with, and is left out. */
  readonly onUnplaced: (rendition: PlannedRendition) => void;
  readonly onMessage: (message: FfmpegMessage) => void;
  readonly onExit: (exit: FfmpegExit) => void;
}

const ticksPerMs = 90;
/** ffmpeg is told times from here on: room for composition offsets below zero. */
const firstMs = 1_000;
/** FLV counts to 2^32 and ffmpeg to 2^31: twelve days, then a new process at the next keyframe. */
const longestMs = 2 ** 30;
/** Of the last pictures it is known which times are taken. */
const rememberedTimes = 64;

/** One run of ffmpeg: takes pictures of the source from a keyframe on, and gives those of the renditions. */
export class LadderFeed {
  readonly #format: FeedFormat;
  readonly #frames = new SourceFrames();
  readonly #process: FfmpegProcess;
  #originTicks: number | undefined;
  #lastDtsMs = -Infinity;
  readonly #takenPtsMs = new Set<number>();
  #pictures = 0;
  /** Since ffmpeg reads too slowly everything is left out up to a keyframe. */
  #skipping = false;
  #skipped = 0;

  constructor(options: LadderFeedOptions) {
    const { source, renditions, tools, settings, clock, sinkOf, onUnplaced, onMessage, onExit } = options;
    const { encoder, version, program } = tools;
    this.#format = feedFormatOf(source);
    const outputs = renditions.map(
      (rendition) => new RenditionOutput(this.#frames.cursor(), sinkOf(rendition), () => onUnplaced(rendition)),
    );
    this.#process = new FfmpegProcess({
      program,
      args: ladderArguments({ renditions, encoder, settings, source, format: this.#format.name, version }),
      outputs: renditions.length,
      stallMs: settings.stallMs,
      clock,
      onMessage,
      onOutput: (index, bytes) => {
        try {
          outputs[index]?.push(bytes);
        } catch (error) {
          this.#process.kill(reasonOf(error));
        }
      },
      onExit: (exit) => {
        for (const output of outputs) output.flush();
        onExit(exit);
      },
    });
    this.#process.write(this.#format.header);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Pictures left out because ffmpeg was too slow. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Its time is over: a new one must go on at the next keyframe. */
  get isWornOut(): boolean {
    return this.#lastDtsMs > longestMs || this.#pictures > this.#format.maxPictures;
  }

  /** `false`: left out. Begins with a keyframe. */
  push({ dtsTicks, durationTicks, compositionOffsetTicks, keyframe, data }: PlacedSample): boolean {
    if (this.#process.isFull) this.#skipping = true;
    else if (keyframe) this.#skipping = false;
    if (this.#skipping) {
      this.#skipped++;
      return false;
    }
    const originTicks = (this.#originTicks ??= dtsTicks);
    const msOf = (ticks: number) => firstMs + Math.round((ticks - originTicks) / ticksPerMs);
    const ptsTicks = dtsTicks + compositionOffsetTicks;
    // Two pictures within a millisecond stay two.
    const dtsMs = Math.max(msOf(dtsTicks), this.#lastDtsMs + 1);
    this.#lastDtsMs = dtsMs;
    const ptsMs = this.#freePtsMs(msOf(ptsTicks));
    this.#pictures++;
    this.#frames.add({ dtsTicks, durationTicks, ptsTicks, keyframe, ptsMs });
    this.#process.write(this.#format.picture({ dtsMs, ptsMs, keyframe, data }));
    return true;
  }

  /** Nothing follows; what ffmpeg still has comes within `graceMs`. */
  end(graceMs: number): void {
    this.#process.end(graceMs);
  }

  #freePtsMs(wantedMs: number): number {
    let ptsMs = wantedMs;
    while (this.#takenPtsMs.has(ptsMs)) ptsMs++;
    this.#takenPtsMs.add(ptsMs);
    const [oldest] = this.#takenPtsMs;
    if (oldest !== undefined && this.#takenPtsMs.size > rememberedTimes) this.#takenPtsMs.delete(oldest);
    return ptsMs;
  }
}
