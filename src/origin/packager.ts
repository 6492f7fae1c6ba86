import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { ColorInfo } from '../formats/media/color-info.ts';
import type { DataMessage } from '../formats/media/data-message.ts';
import type { TrackConfig } from '../formats/media/track.ts';
import type { StreamSubscriber } from '../live/live-stream.ts';
import { type CutterStart, SegmentCutter } from '../policy/segment-cutter.ts';
import type { PlaylistTargets } from '../policy/target-duration.ts';
import { type ExpectingSink, TargetLearner } from '../policy/target-learner.ts';
import { Timeline } from '../policy/timeline.ts';
import { ChangeWaiters } from '../stores/change-waiters.ts';
import { AwaitedRenditions } from './awaited-renditions.ts';
import type { Skip } from './blocking-reload.ts';
import { Captions } from './captions.ts';
import type { EncodedText } from './encoded-text.ts';
import { encryptionRuleOf } from './encryption/encryption-settings.ts';
import { StreamKeys } from './encryption/stream-keys.ts';
import type { FollowingRendition } from './following-rendition.ts';
import { FollowingRenditions } from './following-renditions.ts';
import { ladderRuleOf } from './ladder/ladder-settings.ts';
import { trackRenditionName } from './live-paths.ts';
import type { PlaylistSource } from './live-playlists.ts';
import { MediaListeners, type MediaListener } from './media-listeners.ts';
import { PackagedPlaylists } from './packaged-playlists.ts';
import { PackagedTracks } from './packaged-tracks.ts';
import { PackagingRecord } from './packaging-record.ts';
import type { PackagingBefore, PackagingKeeper, PackagingState } from './packaging-state.ts';
import type { Rendition } from './rendition.ts';
import { RenditionSet } from './rendition-set.ts';
import type { OriginSettings } from './settings.ts';
import { StreamMetadata } from './stream-metadata.ts';
import { TransportOffer } from './transport-offer.ts';
import { ViewerPatience } from './viewer-patience.ts';

export interface PackagerOptions {
  /** `app/name`, for the log. */
  readonly path: string;
  /** Names this life of the stream in its paths. */
  readonly epoch: string;
  readonly settings: OriginSettings['live'];
  readonly clock: Clock;
  readonly log: Log;
  /** Writes down what a restart needs; nobody does if left out. */
  readonly keeper?: PackagingKeeper;
  /** What it goes on with after a restart. */
  readonly before?: PackagingBefore;
}

/** Requests that may wait for one stream at a time. An edge merges its viewers' into one. */
const maxWaiters = 10_000;
/** Of those who make renditions of it that nobody watches. */
const listenersPatienceMs = 350;

/**
 * Packages one live stream for its whole life: access units → timeline → segments and parts → CMAF → the renditions'
 * windows. Playlists are written when somebody asks for them, once per state.
 *
 * When the publisher leaves, what is held goes out and the open segment ends at once: players find a playlist of
 * whole segments, which keeps answering. When one comes back, the sequence numbers go on behind a discontinuity.
 *
 * Who makes further renditions of a stream (a ladder) takes the publisher's tracks from `listen`, with the exact times
 * that they have here, and puts what it makes of them into a rendition of `addRendition`, with the times of what it was
 * made of. That may come seconds later; the publisher's own renditions do not wait for it.
 */
export class Packager implements StreamSubscriber {
  readonly path: string;
  readonly epoch: string;
  /** Whoever waits for a part, a playlist or the end. */
  readonly changes: ChangeWaiters;
  /** Of an encrypted stream. */
  readonly keys: StreamKeys | undefined;
  /** The same as MPEG-TS. */
  readonly transport: TransportOffer;
  /** Timed metadata and date ranges. */
  readonly metadata: StreamMetadata;
  /** What the first multivariant playlist waits for. */
  readonly awaited: AwaitedRenditions;
  readonly #options: Omit<PackagerOptions, 'before'>;
  /** A whole window of media: only until it is in the windows, which let go of it. */
  #before: PackagingBefore | undefined;
  readonly #timeline: Timeline;
  readonly #learner: TargetLearner;
  #cutter: SegmentCutter | undefined;
  #targets: PlaylistTargets | undefined;
  #renditions: RenditionSet | undefined;
  readonly #packaged = new PackagedTracks();
  #isPublished = false;
  #ended = false;
  /** How many renditions there must be before the first playlist. */
  #tracksExpected = Infinity;
  #isPlayable = false;
  readonly #record: PackagingRecord;
  readonly #captions: Captions;
  readonly #listeners = new MediaListeners();
  readonly #following = new FollowingRenditions();
  readonly #patience: ViewerPatience;
  readonly #playlists = new PackagedPlaylists();

  constructor(given: PackagerOptions) {
    const { before, ...options } = given;
    this.path = options.path;
    this.epoch = options.epoch;
    this.#options = options;
    this.#before = before;
    this.changes = new ChangeWaiters(options.clock, maxWaiters);
    this.awaited = new AwaitedRenditions(options.clock, () => this.renditions);
    this.#patience = new ViewerPatience(options.clock);
    this.#learner = new TargetLearner(options.settings, (targets) => this.#begin(targets));
    this.#captions = new Captions(options.path, options.settings, () => this.#changed());
    this.#timeline = new Timeline({
      onEpoch: (tracks) => {
        this.#listeners.onRunEnd();
        this.#captions.onEpoch(tracks);
        this.#learner.onEpoch(tracks);
        this.#listeners.onEpoch(tracks);
        this.transport.onTracks(tracks);
      },
      onUnit: (unit) => {
        this.#captions.onUnit(unit);
        this.#learner.onUnit(unit);
        this.#listeners.onUnit(unit);
      },
      onExpectedUnit: (unit) => this.#learner.onExpectedUnit(unit),
      onLateTrack: ({ kind, trackId }) => {
        options.log.warn(
          { stream: options.path, kind, track: trackId },
          'Track begins late or has sent nothing; it joins behind a discontinuity when it does',
        );
      },
    });
    this.metadata = new StreamMetadata({
      ...given,
      names: options.settings.timedMetadata,
      timeline: this.#timeline,
      onChange: () => {
        this.#record.onStateChanged();
        this.#changed();
      },
    });
    this.#record = new PackagingRecord(options.keeper, () => this.state, this.#patience);
    const rule = encryptionRuleOf(options.settings.encryption, options.path);
    this.keys = rule && new StreamKeys(rule, given, () => this.#changed());
    this.transport = new TransportOffer({
      ...options,
      keys: this.keys,
      playlists: this.#playlists,
      renditions: () => this.#renditions?.list() ?? [],
      source: () => this.#playlistSource(),
    });
    if (before !== undefined) this.#resume(before);
    if (!this.#ended) this.keys?.start();
  }

  /** What a restart has to know; `undefined` before there is a segment. */
  get state(): PackagingState | undefined {
    const [targets, renditions, { originWallMs }] = [this.#targets, this.#renditions, this.#timeline];
    if (targets === undefined || renditions === undefined || originWallMs === undefined) return undefined;
    const { nextMsn } = renditions;
    return {
      targets,
      originWallMs,
      nextMsn,
      renditions: renditions.kept(),
      ...this.metadata.kept,
      encryption: this.keys?.kept,
    };
  }

  /** Somebody asks for something of it, who `waits` for what is yet to come. Returns whether all is to be read for it that was left. */
  watched(waits: boolean): boolean {
    if (this.#patience.watched()) this.#record.onWatched();
    if (!waits) return this.#patience.wanted();
    const isNew = this.#patience.awaited();
    if (isNew) this.#record.onAwaited(this.#renditions?.list() ?? []);
    return isNew;
  }

  /** `undefined` until the first segment has closed; constant from then on. */
  get targets(): PlaylistTargets | undefined {
    return this.#isPlayable ? this.#targets : undefined;
  }

  /** There is a playlist. */
  get isPlayable(): boolean {
    return this.#isPlayable;
  }

  get isPublished(): boolean {
    return this.#isPublished;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Those that have a segment, video first. One that joins later is listed from its first segment on. */
  get renditions(): readonly Rendition[] {
    return this.#renditions?.list().filter(({ window }) => window.segments.length > 0) ?? [];
  }

  /** Those of them that are the publisher's own. */
  get publishedRenditions(): readonly Rendition[] {
    return this.renditions.filter(({ name }) => !this.#following.has(name));
  }

  rendition(name: string): Rendition | undefined {
    return this.#renditions?.list().find((rendition) => rendition.name === name);
  }

  /** Only once `targets` is there. With `skip` an update, if there is anything to leave out. */
  mediaPlaylist(rendition: Rendition, skip?: Skip): EncodedText | undefined {
    const source = this.#playlistSource();
    return source && this.#playlists.media(source, rendition, skip);
  }

  /** Only once `targets` and an I-frame are there. */
  iFramePlaylist(rendition: Rendition): EncodedText | undefined {
    const source = this.#playlistSource();
    return source && this.#playlists.iFrames(source, rendition);
  }

  /** Only once `targets` is there. */
  multivariantPlaylist(): EncodedText | undefined {
    const source = this.#playlistSource();
    const audioOnly = ladderRuleOf(this.#options.settings.ladder, this.path)?.audioOnly === true;
    return (
      source &&
      this.#playlists.multivariant(source, {
        audioOnly,
        labels: this.#packaged.labels,
        captions: this.#captions.renditions,
      })
    );
  }

  /** What leaves the timeline goes to the listener too, from now on. Returns the way to stop. */
  listen(listener: MediaListener): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * The rendition of this name that is made of the publisher's: it comes into being when it is asked for the first
   * time, and is listed from its first segment on.
   */
  addRendition(name: string): FollowingRendition {
    return this.#following.get(name);
  }

  onPublisherStart(): void {
    this.#isPublished = true;
    this.#packaged.clear();
    this.#timeline.startPublication();
    this.#changed();
  }

  onTrackConfig(config: TrackConfig): void {
    const packaged = this.#packaged.configure(config, (candidate) => this.keys?.protects(candidate) !== false);
    if (packaged !== undefined) {
      this.#timeline.setTrackConfig(packaged);
      return;
    }
    this.#options.log.warn(
      { stream: this.path, kind: config.kind, track: config.trackId, codec: config.codecString },
      'Track is not packaged for HTTP: there is no VP8 in CMAF; send H.264 or HEVC, without SAMPLE-AES AV1 or VP9 too',
    );
  }

  onColorInfo(trackId: number, colorInfo: ColorInfo | undefined): void {
    const changed = this.#packaged.setColorInfo(trackId, colorInfo);
    if (changed !== undefined) this.#timeline.setTrackConfig(changed);
  }

  onAccessUnit(unit: AccessUnit): void {
    if (this.#packaged.has(unit)) this.#timeline.push(unit, this.#options.clock.wallMs() - (unit.heldMs ?? 0));
  }

  onData(message: DataMessage): void {
    if (this.#packaged.setMetadata(message)) this.#changed();
    this.metadata.onData(message);
  }

  /**
   * While somebody waits for parts, they are there when they are promised. Until there is a playlist nothing waits: its dates
   * begin with that of the first unit's coming. Nor does anything where a ladder is made of it and watched, which has much
   * to do for each picture; where nobody watches that, it gets what it works on a little at a time.
   */
  patienceMs(): number {
    if (!this.#isPlayable) return 0;
    const leftMs = this.#patience.leftMs();
    if (this.#listeners.size === 0) return leftMs;
    return leftMs < Infinity ? 0 : listenersPatienceMs;
  }

  onPublisherStop(): void {
    this.#isPublished = false;
    this.metadata.onPublisherStop();
    this.#timeline.stopPublication();
    this.#learner.decide();
    this.#cutter?.flush();
    this.#listeners.onRunEnd();
    this.#record.onIdle();
    this.#changed();
  }

  onEnd(): void {
    this.#following.end();
    this.#ended = true;
    this.keys?.close();
    for (const { iFrames } of this.#renditions?.list() ?? []) iFrames?.end();
    this.#record.onEnd();
    this.#playlists.clear();
    this.changes.close();
  }

  #begin(targets: PlaylistTargets): ExpectingSink {
    this.#targets = targets;
    this.#options.log.info({ stream: this.path, epoch: this.epoch, ...targets }, 'Stream is being packaged');
    const renditions = new RenditionSet({
      targets,
      settings: this.#options.settings,
      nameOf: ({ track, config }) => this.#following.nameOf(track) ?? trackRenditionName(config),
      wallMsAt: (mediaSeconds) => this.#timeline.wallMsAt(mediaSeconds),
      keys: this.keys,
      events: this.metadata,
      ...this.#record.ofRenditions,
      onChange: () => this.#changed(),
      onWanted: (msn, publishedMsn) => cutter.giveUpBefore(msn, publishedMsn),
      log: this.#options.log.child({ stream: this.path }),
    });
    const start = this.#before && this.#restore(this.#before, renditions);
    this.#before = undefined;
    const cutter = new SegmentCutter(targets, renditions, start, this.metadata.splicePoints);
    this.#renditions = renditions;
    this.#cutter = cutter;
    this.#following.attach(cutter);
    const sink = this.#patience.before(cutter);
    return {
      ...sink,
      onEpoch: (tracks) => {
        if (!this.#isPlayable) this.#tracksExpected = tracks.length;
        sink.onEpoch(tracks);
      },
    };
  }

  /** Playlists are there at once, and new media goes on behind what there was. */
  #resume({ targets, originWallMs, mended, ended }: PackagingBefore): void {
    this.#timeline.resume(originWallMs, mended.endSeconds);
    this.#learner.know(targets);
    this.metadata.leaveBefore(this.#windowStartMs());
    this.#isPlayable = this.keys?.isReady !== false;
    this.awaited.playableBefore();
    this.#ended = ended;
    if (ended) this.changes.close();
  }

  #restore(before: PackagingBefore, renditions: RenditionSet): CutterStart {
    const isMade = ladderRuleOf(this.#options.settings.ladder, this.path) !== undefined;
    const restored = renditions.restore(before, isMade);
    for (const made of restored.trailing) this.#following.restore(made);
    return restored;
  }

  #changed(): void {
    this.#playlists.clear();
    this.metadata.leaveBefore(this.#windowStartMs());
    const isEncryptable = this.keys === undefined || this.keys.isReady;
    this.#isPlayable ||= isEncryptable && this.publishedRenditions.length >= this.#tracksExpected;
    if (this.#isPlayable) this.awaited.playable();
    this.changes.changed();
  }

  #playlistSource(): PlaylistSource | undefined {
    if (this.targets === undefined) return undefined;
    return {
      epoch: this.epoch,
      targets: this.targets,
      renditions: this.renditions,
      isPublished: this.#isPublished,
      ended: this.#ended,
      dateRanges: this.metadata.dateRanges,
      keys: this.keys,
      nowMs: this.#options.clock.monotonicMs(),
    };
  }

  /** Wall clock of where the playlists begin. */
  #windowStartMs(): number {
    return this.#renditions === undefined ? -Infinity : this.#timeline.wallMsAt(this.#renditions.startSeconds);
  }
}
