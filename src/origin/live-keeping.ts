import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { longestSegmentSeconds } from '../policy/target-duration.ts';
import { FolderLock } from '../stores/kept/folder-lock.ts';
import { type KeptStream, KeptStreams } from '../stores/kept/kept-streams.ts';
import { mendWindows, withoutBarelyBegun } from '../stores/kept/mended-windows.ts';
import { StreamFiles } from '../stores/kept/stream-files.ts';
import { encryptionRuleOf } from './encryption/encryption-settings.ts';
import { longestAbsenceMs, type PackagingBefore } from './packaging-state.ts';
import type { OriginSettings } from './settings.ts';
import { StreamKeeper } from './stream-keeper.ts';
import { parseStreamState, type StreamState } from './stream-state.ts';

export interface LiveKeepingOptions {
  /** Where the folders of the streams are. */
  readonly folder: string;
  readonly settings: OriginSettings['live'];
  readonly clock: Clock;
  readonly log: Log;
}

/** A stream from before a restart. */
export interface StreamBefore {
  readonly path: string;
  readonly epoch: string;
  readonly publication: StreamState['publication'];
  readonly endedWallMs: number | undefined;
  readonly packaging: PackagingBefore;
  readonly keeper: StreamKeeper;
}

/** Keeps live streams on the disk, so that they go on after a restart of the origin. */
export class LiveKeeping {
  readonly #options: LiveKeepingOptions;
  readonly #streams: KeptStreams;
  readonly #files = new Set<StreamFiles>();

  constructor(options: LiveKeepingOptions) {
    this.#options = options;
    this.#streams = new KeptStreams(options.folder, options.log);
  }

  /** The streams that go on, and those that were over not long ago. What cannot be used is set aside. */
  async load(): Promise<StreamBefore[]> {
    const newestFirst: StreamBefore[] = [];
    const paths = new Set<string>();
    for (const { kept, state } of await this.#loadStates()) {
      // A life before the one that is taken up.
      const before = paths.has(state.path) ? undefined : this.#before(kept, state);
      if (before === undefined) {
        await this.#streams.remove(kept);
        continue;
      }
      paths.add(state.path);
      newestFirst.push(before);
    }
    // Before anything can begin.
    await Promise.all([...this.#files].map((files) => files.idle()));
    return newestFirst.toReversed();
  }

  keeper(path: string, epoch: string): StreamKeeper {
    const { clock, log } = this.#options;
    const files = new StreamFiles({
      folder: this.#streams.folderOf(epoch),
      clock,
      log: log.child({ stream: path }),
    });
    this.#files.add(files);
    return new StreamKeeper({ path, epoch, files, clock, onGone: () => this.#files.delete(files) });
  }

  /** Resolves when everything is on the disk, or when `graceMs` are over. */
  async close(graceMs: number): Promise<void> {
    const { promise: tooLate, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(graceMs, resolve);
    await Promise.race([Promise.all([...this.#files].map((files) => files.idle())), tooLate]);
    timer.cancel();
  }

  /** The newest life of a stream first. */
  async #loadStates(): Promise<{ readonly kept: KeptStream; readonly state: StreamState }[]> {
    const states: { readonly kept: KeptStream; readonly state: StreamState }[] = [];
    for (const kept of await this.#streams.load()) {
      try {
        const state = parseStreamState(kept.state);
        if (state.epoch !== kept.name) throw new Error(`is the state of ${state.epoch}`);
        states.push({ kept, state });
      } catch (error) {
        await this.#streams.setAside(kept.name, error);
      }
    }
    return states.sort((a, b) => b.state.savedWallMs - a.state.savedWallMs);
  }

  /** `undefined` where it is too old, or viewers have not met anything of it. */
  #before(kept: KeptStream, state: StreamState): StreamBefore | undefined {
    const { clock, settings, log } = this.#options;
    const { path, epoch, endedWallMs, publication, packaging, begun } = state;
    const ageMs = clock.wallMs() - (endedWallMs ?? state.savedWallMs);
    const maxAgeMs = endedWallMs === undefined ? longestAbsenceMs(settings) : settings.windowMs;
    if (ageMs > maxAgeMs) {
      log.info({ stream: path, epoch, seconds: Math.round(ageMs / 1_000) }, 'Kept live stream is too old: removed');
      return undefined;
    }
    if (encryptionRuleOf(settings.encryption, path)?.method !== packaging.encryption?.method) {
      log.info(
        { stream: path, epoch },
        'Kept live stream was encrypted in another way than it is to be: it begins anew',
      );
      return undefined;
    }
    const { originWallMs, targets, renditions } = packaging;
    const dateAt = (mediaSeconds: number) => new Date(originWallMs + mediaSeconds * 1_000).toISOString();
    const segments = withoutBarelyBegun(
      new Map(renditions.map(({ name }) => [name, kept.renditions.get(name)?.segments ?? []])),
      begun,
    );
    const mended = mendWindows(segments, {
      progress: { nextMsn: packaging.nextMsn, begun },
      nowSeconds: (clock.wallMs() - originWallMs) / 1_000,
      segmentSeconds: targets.segmentSeconds,
      longestSegmentSeconds: longestSegmentSeconds(targets.targetDurationSeconds),
      initIndexOf: (rendition) => renditions.find(({ name }) => name === rendition)?.initIndex ?? 0,
      programDateTimeAt: dateAt,
    });
    if (mended === undefined) return undefined;
    const keeper = this.keeper(path, epoch);
    keeper.resume({ ...packaging, nextMsn: mended.nextMsn }, { kept, segments, mended, publication, endedWallMs });
    return {
      path,
      epoch,
      publication,
      endedWallMs,
      packaging: { ...packaging, mended, ended: endedWallMs !== undefined },
      keeper,
    };
  }
}

/** Of the data folder, the part that live streams are kept in. */
export function liveFolder(dataFolder: string): string {
  return join(dataFolder, 'live');
}

/** So that no two origins keep their streams there. Throws `ConfigError` when another one does. */
export function lockLiveFolder(folder: string, log: Log): FolderLock {
  const finding = `${folder} is in use by another origin: give each a data folder of its own with --data, or set origin.live.keep: memory`;
  return new FolderLock(`${folder}.lock`, { finding, log });
}
