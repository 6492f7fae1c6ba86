import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import { LiveStream } from '../../src/live/live-stream.ts';
import { Packager } from '../../src/origin/packager.ts';
import { originSchema } from '../../src/origin/settings.ts';
import { LogRecorder } from './log-recorder.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A stream with its packager and a publisher that sends at the pace of its timestamps, on a virtual clock. */
export class PublishedStream {
  readonly clock = new VirtualClock();
  readonly log = new LogRecorder();
  readonly stream = new LiveStream('live/test');
  readonly packager: Packager;
  /** Each state of each media playlist, by its name. */
  readonly histories = new Map<string, string[]>();

  constructor(live: Record<string, unknown> = {}) {
    this.packager = new Packager({
      path: this.stream.path,
      epoch: 'e1',
      settings: originSchema.parse({ live }).live,
      clock: this.clock,
      log: this.log,
    });
    this.stream.subscribe(this.packager);
  }

  start(configs: readonly TrackConfig[]): void {
    this.stream.startPublication({ peer: 'test', encoder: 'test', startedWallMs: this.clock.wallMs() });
    for (const config of configs) this.stream.setTrackConfig(config);
  }

  /** Each unit comes `timestampMs` − that of the first after now. */
  send(units: readonly AccessUnit[]): void {
    const startMs = this.clock.monotonicMs();
    const firstMs = units[0]?.timestampMs ?? 0;
    for (const unit of units) {
      const dueMs = startMs + ((unit.timestampMs - firstMs) | 0);
      if (dueMs > this.clock.monotonicMs()) this.clock.advance(dueMs - this.clock.monotonicMs());
      this.stream.push(unit);
      this.record();
    }
  }

  stop(): void {
    this.stream.stopPublication();
    this.record();
  }

  end(): void {
    this.stream.end();
    this.record();
  }

  /** Keeps the playlists as they are now, where they have changed. */
  record(): void {
    for (const rendition of this.packager.renditions) {
      const name = `${rendition.name}.m3u8`;
      const text = this.packager.mediaPlaylist(rendition)?.plain.toString();
      const history = this.histories.get(name) ?? [];
      if (text !== undefined && text !== history.at(-1)) history.push(text);
      if (history.length > 0) this.histories.set(name, history);
    }
  }

  playlist(name: string): string {
    return this.histories.get(name)?.at(-1) ?? '';
  }
}
