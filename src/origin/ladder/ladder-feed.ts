import type { Clock } from '../../base/clock.ts';
import { encodeFlvHeader, encodeFlvTag } from '../../formats/flv/flv-file.ts';
import { encodeAccessUnitTag, encodeTrackConfigTag } from '../../formats/flv/track-tag.ts';
import type { VideoTrackConfig } from '../../formats/media/track.ts';
import { messageType } from '../../formats/rtmp/message.ts';
import { ladderArguments } from './ffmpeg-arguments.ts';
import type { FfmpegMessage } from './ffmpeg-messages.ts';
import { type FfmpegExit, FfmpegProcess } from './ffmpeg-process.ts';
import type { FfmpegTools } from './ffmpeg-tools.ts';
import type { FfmpegSettings } from './ladder-settings.ts';
import { RenditionOutput, type RenditionSink, type RenditionUnit } from './rendition-output.ts';
import type { PlannedRendition } from './rendition-plan.ts';
import { SourceFrames } from './source-frames.ts';

export interface LadderFeedOptions {
  readonly source: VideoTrackConfig;
  readonly renditions: readonly PlannedRendition[];
  readonly tools: Extract<FfmpegTools, { kind: 'found' }>;
  readonly settings: FfmpegSettings;
  readonly clock: Clock;
  readonly sinkOf: (rendition: PlannedRendition) => RenditionSink;
  readonly onMessage: (message: FfmpegMessage) => void;
  readonly onExit: (exit: FfmpegExit) => void;
}

const ticksPerMs = 90;
/** ffmpeg is told times from here on: room for composition offsets below zero. */
const firstMs = 1_000;
/** FLV counts to 2^32 and ffmpeg to 2^31: twelve days, then a new process at the next keyframe. */
const longestMs = 2 ** 30;

/** One run of ffmpeg: takes pictures of the source from a keyframe on, and gives those of the renditions. */
export class LadderFeed {
  readonly #source: VideoTrackConfig;
  readonly #frames = new SourceFrames();
  readonly #process: FfmpegProcess;
  #originTicks: number | undefined;
  #lastDtsMs = -Infinity;
  readonly #lastPtsMs = new Set<number>();
  /** Since ffmpeg reads too slowly everything is left out up to a keyframe. */
  #skipping = false;
  #skipped = 0;

  constructor(options: LadderFeedOptions) {
    const { source, renditions, tools, settings, clock, sinkOf, onMessage, onExit } = options;
    // FLV has one default track, and that is what ffmpeg reads.
    this.#source = { ...source, trackId: 0 };
    const outputs = renditions.map((rendition) => new RenditionOutput(this.#frames.cursor(), sinkOf(rendition)));
    this.#process = new FfmpegProcess({
      program: tools.program,
      args: ladderArguments({ renditions, encoder: tools.encoder, settings, source, version: tools.version }),
      outputs: renditions.length,
      stallMs: settings.stallMs,
      clock,
      onMessage,
      onOutput: (index, bytes) => {
        try {
          outputs[index]?.push(bytes);
        } catch (error) {
          this.#process.kill(error instanceof Error ? error.message : String(error));
        }
      },
      onExit: (exit) => {
        for (const output of outputs) output.flush();
        onExit(exit);
      },
    });
    this.#process.write(encodeFlvHeader({ audio: false, video: true }));
    this.#writeTag(0, encodeTrackConfigTag(this.#source));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Pictures left out because ffmpeg was too slow. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Its timestamps end here: a new one must go on at the next keyframe. */
  get isWornOut(): boolean {
    return this.#lastDtsMs > longestMs;
  }

  /** `false`: left out. Begins with a keyframe. */
  push(unit: RenditionUnit): boolean {
    if (this.#process.isFull) this.#skipping = true;
    else if (unit.keyframe) this.#skipping = false;
    if (this.#skipping) {
      this.#skipped++;
      return false;
    }
    const { dtsTicks, durationTicks, keyframe } = unit;
    this.#originTicks ??= dtsTicks;
    const msOf = (ticks: number) => firstMs + Math.round((ticks - (this.#originTicks ?? 0)) / ticksPerMs);
    const ptsTicks = dtsTicks + unit.compositionOffsetTicks;
    // Two pictures within a millisecond stay two.
    this.#lastDtsMs = Math.max(msOf(dtsTicks), this.#lastDtsMs + 1);
    const ptsMs = this.#freePtsMs(msOf(ptsTicks));
    this.#frames.add({ dtsTicks, durationTicks, ptsTicks, keyframe, ptsMs });
    const timestampMs = this.#lastDtsMs;
    this.#writeTag(
      timestampMs,
      encodeAccessUnitTag(this.#source, {
        kind: 'video',
        trackId: 0,
        timestampMs,
        keyframe,
        compositionOffsetMs: ptsMs - timestampMs,
        data: unit.data,
      }),
    );
    return true;
  }

  /** Nothing follows; what ffmpeg still has comes within `graceMs`. */
  end(graceMs: number): void {
    this.#process.end(graceMs);
  }

  #freePtsMs(wantedMs: number): number {
    let ptsMs = wantedMs;
    while (this.#lastPtsMs.has(ptsMs)) ptsMs++;
    this.#lastPtsMs.add(ptsMs);
    if (this.#lastPtsMs.size > 64) {
      const [oldest] = this.#lastPtsMs;
      if (oldest !== undefined) this.#lastPtsMs.delete(oldest);
    }
    return ptsMs;
  }

  #writeTag(timestampMs: number, payload: Uint8Array | undefined): void {
    if (payload === undefined) return;
    this.#process.write(encodeFlvTag({ typeId: messageType.video, timestampMs, payload }));
  }
}
