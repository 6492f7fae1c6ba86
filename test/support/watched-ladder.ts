import { CloseBudget } from '../../src/base/close-budget.ts';
import type { AvcTrackConfig } from '../../src/formats/media/track.ts';
import type { PlacedSample } from '../../src/origin/following-rendition.ts';
import { FfmpegFinder } from '../../src/origin/ladder/ffmpeg-tools.ts';
import { ffmpegSchema, ladderSchema } from '../../src/origin/ladder/ladder-settings.ts';
import { Ladder } from '../../src/origin/ladder/ladder.ts';
import type { LadderSource } from './ladder-source.ts';
import { LogRecorder } from './log-recorder.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A ladder on a clock that stands still, and everything that comes out of it. */
export class WatchedLadder {
  readonly clock = new VirtualClock();
  readonly log = new LogRecorder();
  readonly outputs = new Map<string, PlacedSample[]>();
  readonly configs = new Map<string, AvcTrackConfig[]>();
  readonly givenUp: string[] = [];
  readonly ladder: Ladder;
  readonly #finder: FfmpegFinder;

  constructor(renditions: readonly unknown[], program = 'ffmpeg', encoder = 'libx264') {
    const settings = ffmpegSchema.parse({ program, encoder, preset: 'ultrafast' });
    const [rule] = ladderSchema.parse([{ stream: '*', renditions }]);
    this.#finder = new FfmpegFinder(settings, this.clock, this.log);
    this.ladder = new Ladder({
      renditions: rule?.renditions ?? [],
      settings,
      finder: this.#finder,
      sinkOf: (name) => {
        const units = this.outputs.get(name) ?? [];
        const configs = this.configs.get(name) ?? [];
        this.outputs.set(name, units);
        this.configs.set(name, configs);
        return {
          onConfig: (config) => configs.push(config),
          onUnit: (unit) => units.push(unit),
          giveUp: () => this.givenUp.push(name),
        };
      },
      clock: this.clock,
      log: this.log,
      random: () => 0,
    });
  }

  /** Begins a run once it is known what there is. */
  async start({ config }: LadderSource): Promise<void> {
    this.ladder.startRun(config);
    await this.#finder.find();
  }

  push(units: readonly PlacedSample[]): void {
    for (const unit of units) this.ladder.push(unit);
  }

  output(name: string): PlacedSample[] {
    return this.outputs.get(name) ?? [];
  }

  async close(): Promise<void> {
    const closed = this.ladder.close(CloseBudget.of(this.clock));
    const timer = setInterval(() => this.clock.advance(50), 50);
    await closed;
    clearInterval(timer);
  }
}
