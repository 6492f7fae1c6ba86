import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { type TrackConfig, trackNumber } from '../../src/formats/media/track.ts';
import { LiveStream } from '../../src/live/live-stream.ts';
import type { EncodedText } from '../../src/origin/encoded-text.ts';
import { mediaPlaylistName, trackRenditionName } from '../../src/origin/live-paths.ts';
import { Packager } from '../../src/origin/packager.ts';
import type { Rendition } from '../../src/origin/rendition.ts';
import { originSchema } from '../../src/origin/settings.ts';
import { LogRecorder } from './log-recorder.ts';
import { validateMultivariantPlaylist } from './multivariant-validator.ts';
import { type ParsedPlaylist, parsePlaylist } from './parsed-playlist.ts';
import { validateUpdate } from './playlist-update.ts';
import { validateMediaPlaylists, validateReports } from './playlist-validator.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A track that begins late has sent nothing for so long at least. */
const silentMs = 1_500;

/**
 * A stream with its packager and a publisher that sends at the pace of its timestamps, on a virtual clock. Every state
 * of every playlist is validated, and so is every update of it.
 */
export class PublishedStream {
  readonly clock = new VirtualClock();
  readonly log = new LogRecorder();
  readonly stream = new LiveStream('live/test');
  readonly packager: Packager;
  /** Each state of each media playlist, by its name. */
  readonly histories = new Map<string, string[]>();
  /** Likewise of the I-frame playlists. */
  readonly iFrameHistories = new Map<string, string[]>();
  /** Likewise of the MPEG-TS playlists. */
  readonly transportHistories = new Map<string, string[]>();
  /** Renditions that come into being after others have a playlist; those of tracks that begin late are added. */
  readonly late: string[] = [];
  readonly #findings = new Set<string>();
  readonly #seen = new Map<string, EncodedText | undefined>();
  #transportState = '';
  readonly #parsed = new Map<string, ParsedPlaylist>();
  /** When something of each track came last, by number; and what was logged until then. */
  readonly #cameMs = new Map<number, number>();
  #linesSeen = 0;

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

  /** Each unit comes `timestampMs` − that of the first after now, as `distort` says it. */
  send(units: readonly AccessUnit[], distort: (unit: AccessUnit) => AccessUnit = (unit) => unit): void {
    const startMs = this.clock.monotonicMs();
    const firstMs = units[0]?.timestampMs ?? 0;
    for (const unit of units) {
      const dueMs = startMs + ((unit.timestampMs - firstMs) | 0);
      if (dueMs > this.clock.monotonicMs()) this.clock.advance(dueMs - this.clock.monotonicMs());
      this.#push(distort(unit));
      this.record();
    }
  }

  #push(unit: AccessUnit): void {
    const nowMs = this.clock.monotonicMs();
    this.stream.push(unit);
    for (const { message, fields } of this.log.lines.slice(this.#linesSeen)) {
      if (!message.startsWith('Track begins late')) continue;
      const config = this.stream.trackConfigs.find(
        ({ kind, trackId }) => kind === fields['kind'] && trackId === fields['track'],
      );
      if (config === undefined || nowMs - (this.#cameMs.get(trackNumber(config)) ?? -Infinity) < silentMs) continue;
      this.late.push(mediaPlaylistName(trackRenditionName(config)));
    }
    this.#linesSeen = this.log.lines.length;
    this.#cameMs.set(trackNumber(unit), nowMs);
  }

  /** Throws when any playlist so far was not as it must be. */
  stop(): void {
    this.stream.stopPublication();
    this.record();
    this.#assertValid();
  }

  /** Throws when any playlist so far was not as it must be. */
  end(): void {
    this.stream.end();
    this.record();
    this.#assertValid();
  }

  /** What is wrong with the playlists so far, in words; nothing when all is well. */
  get findings(): string[] {
    return [
      ...validateMediaPlaylists(this.histories, this.late),
      ...validateMediaPlaylists(this.iFrameHistories),
      ...validateMediaPlaylists(this.transportHistories),
      ...this.#findings,
    ];
  }

  /**
   * The same, for long streams: of each playlist only the last state is kept, which the next one is held to. `states`
   * have come since the last time.
   */
  takeFindings(): { readonly findings: readonly string[]; readonly states: number } {
    const { findings } = this;
    this.#findings.clear();
    const kinds = [this.histories, this.iFrameHistories, this.transportHistories];
    const judged = kinds.flatMap((kind) =>
      [...kind.values()].flatMap((history) => history.splice(0, history.length - 1)),
    );
    return { findings, states: judged.length };
  }

  #assertValid(): void {
    const { findings } = this;
    if (findings.length > 0) throw new Error(`the playlists break rules:\n${findings.slice(0, 20).join('\n')}`);
  }

  /** Keeps the playlists as they are now, where they have changed. */
  record(): void {
    let hasChanged = false;
    for (const rendition of this.packager.renditions) {
      this.#recordIFrames(rendition);
      const name = `${rendition.name}.m3u8`;
      const text = this.#unlessSeen(name, this.packager.mediaPlaylist(rendition));
      const history = this.histories.get(name) ?? [];
      if (text === undefined || text === history.at(-1)) continue;
      const whole = parsePlaylist(text);
      // Both kinds of update in turn.
      const skip = history.length % 2 === 0 ? 'YES' : 'v2';
      const update = this.packager.ended ? undefined : this.packager.mediaPlaylist(rendition, skip)?.plain.toString();
      const base = this.#parsed.get(name) ?? whole;
      for (const finding of update === undefined ? [] : validateUpdate(base, update, whole)) {
        this.#findings.add(`${name}, state ${history.length}, update by ${skip}: ${finding}`);
      }
      history.push(text);
      this.histories.set(name, history);
      this.#parsed.set(name, whole);
      hasChanged = true;
    }
    this.#recordTransports();
    const multivariant = hasChanged ? this.packager.multivariantPlaylist()?.plain.toString() : undefined;
    for (const finding of multivariant === undefined ? [] : validateMultivariantPlaylist(multivariant)) {
      this.#findings.add(`multivariant playlist: ${finding}`);
    }
    for (const finding of hasChanged ? validateReports(this.#parsed) : []) this.#findings.add(finding);
  }

  /** Each state is written once. */
  #unlessSeen(name: string, written: EncodedText | undefined): string | undefined {
    if (written === this.#seen.get(name)) return undefined;
    this.#seen.set(name, written);
    return written?.plain.toString();
  }

  #recordIFrames(rendition: Rendition): void {
    const name = `${rendition.name}-iframes.m3u8`;
    const text = this.#unlessSeen(name, this.packager.iFramePlaylist(rendition));
    const history = this.iFrameHistories.get(name) ?? [];
    // What it reports of others changes with every part.
    if (text === undefined || withoutReports(text) === withoutReports(history.at(-1) ?? '')) return;
    history.push(text);
    this.iFrameHistories.set(name, history);
  }

  /** Parts change nothing there. */
  #recordTransports(): void {
    const { renditions, ended } = this.packager;
    const state = [ended, ...renditions.map(({ window }) => window.nextPart.msn)].join(' ');
    if (state === this.#transportState) return;
    this.#transportState = state;
    for (const rendition of renditions) this.#recordTransport(rendition);
  }

  #recordTransport({ name }: Rendition): void {
    const variant = this.packager.transport.variant(name);
    const text = typeof variant === 'string' ? undefined : this.packager.transport.playlist(variant)?.plain.toString();
    const history = this.transportHistories.get(name) ?? [];
    if (text === undefined || text === history.at(-1)) return;
    history.push(text);
    this.transportHistories.set(name, history);
  }

  playlist(name: string): string {
    return this.histories.get(name)?.at(-1) ?? '';
  }
}

function withoutReports(text: string): string {
  return text.replaceAll(/#EXT-X-RENDITION-REPORT.*\n/g, '');
}
