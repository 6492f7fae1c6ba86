import type { CloseBudget } from '../../base/close-budget.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { TimedTrack } from '../../policy/timed-unit.ts';
import type { Packager } from '../packager.ts';
import { FfmpegFinder } from './ffmpeg-tools.ts';
import { type FfmpegSettings, type LadderRule, ladderRuleOf } from './ladder-settings.ts';
import { Ladder } from './ladder.ts';

export interface LaddersOptions {
  readonly rules: readonly LadderRule[];
  readonly ffmpeg: FfmpegSettings;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 up to 1: spreads retries. */
  readonly random: () => number;
}

/** Makes renditions of every stream that a rule asks it for. */
export class Ladders {
  readonly #options: LaddersOptions;
  readonly #finder: FfmpegFinder;
  readonly #ladders = new Set<Ladder>();

  constructor(options: LaddersOptions) {
    const { rules, ffmpeg, clock, log } = options;
    this.#options = options;
    this.#finder = new FfmpegFinder(ffmpeg, clock, log);
    // To try hardware takes a moment: not the one in which a stream begins.
    if (rules.some(({ renditions }) => renditions.length > 0)) void this.#finder.find();
  }

  /** Until the way to stop, which is returned, is taken. */
  follow(packager: Packager): () => void {
    const { rules, ffmpeg: settings, clock, log, random } = this.#options;
    const renditions = ladderRuleOf(rules, packager.path)?.renditions ?? [];
    if (renditions.length === 0) return () => {};
    // In the order in which they are listed.
    for (const { name } of renditions.toSorted((a, b) => b.height - a.height)) packager.addRendition(name);
    const ladder = new Ladder({
      renditions,
      settings,
      finder: this.#finder,
      sinkOf: (name) => packager.addRendition(name),
      clock,
      log: log.child({ stream: packager.path }),
      random,
    });
    this.#ladders.add(ladder);
    packager.awaited.expect(() => ladder.expected);
    let source: TimedTrack | undefined;
    const stopListening = packager.listen({
      onEpoch: ([first]) => {
        const config = first?.config;
        source = config?.kind === 'video' ? first : undefined;
        ladder.startRun(config?.kind === 'video' ? config : undefined);
      },
      onUnit: (unit) => {
        if (unit.track === source?.track) ladder.push(unit);
      },
      onRunEnd: () => ladder.endRun(),
    });
    return () => {
      stopListening();
      ladder.endRun();
      // What still gives out its last is closed with the others, if that comes first.
      void ladder.ended.then(() => this.#ladders.delete(ladder));
    };
  }

  async close(budget: CloseBudget): Promise<void> {
    await Promise.all([...this.#ladders].map((ladder) => ladder.close(budget)));
  }
}
