import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import type { PublicationLease } from '../../src/live/publication-lease.ts';
import type { Slate } from '../../src/live/slate.ts';
import { StreamDirectory } from '../../src/live/stream-directory.ts';
import { LiveChannels } from '../../src/origin/live-channel.ts';
import { LiveKeeping } from '../../src/origin/live-keeping.ts';
import { originSchema } from '../../src/origin/settings.ts';
import { grantedLease } from './granted-lease.ts';
import { LogRecorder } from './log-recorder.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A data folder and a clock that outlive the origins which use them one after the other. */
export class KeptHouse implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly #parent = mkdtempSync(join(tmpdir(), 'streamfront-kept-'));
  folder = join(this.#parent, '0');
  readonly log = new LogRecorder();
  /** Each state of each media playlist, over all origins. */
  readonly histories = new Map<string, string[]>();
  readonly #live: Record<string, unknown>;
  readonly #slate: Slate | undefined;
  #lives = 0;
  #origin: KeptOrigin | undefined;
  /** What the disk has had since the origin began, by path in the folder; the last one last. */
  #copies: ReadonlyMap<string, Buffer>[] = [];

  constructor(live: Record<string, unknown> = {}, slate?: Slate) {
    this.#live = live;
    this.#slate = slate;
  }

  async start(): Promise<KeptOrigin> {
    const { clock, log, folder, histories } = this;
    const settings = originSchema.parse({ live: this.#live }).live;
    const keeping = new LiveKeeping({ folder, settings, clock, log });
    const before = await keeping.load();
    const { reconnectGraceMs, maxStreams, backup } = settings;
    const slateOf = () => this.#slate;
    const directory = new StreamDirectory({ clock, log, reconnectGraceMs, maxStreams, backup, slateOf });
    const nextEpoch = () => `e${++this.#lives}`;
    const channels = new LiveChannels(directory, { settings, clock, log, nextEpoch, keeping, before });
    for (const { path, endedWallMs } of before) if (endedWallMs === undefined) directory.revive(path);
    const origin = new KeptOrigin({ clock, keeping, directory, channels, histories });
    origin.record();
    this.#origin = origin;
    this.#copies = [copyOf(folder)];
    return origin;
  }

  /** Those whose playlists have been seen. */
  get epochs(): Set<string> {
    const texts = [...this.histories.values()].flat();
    return new Set(texts.flatMap((text) => epochOf(text) ?? []));
  }

  /** The histories of one life of the stream. */
  historiesOf(epoch: string): Map<string, string[]> {
    const histories = [...this.histories].map(
      ([name, texts]) => [name, texts.filter((text) => epochOf(text) === epoch)] as const,
    );
    return new Map(histories.filter(([, texts]) => texts.length > 0));
  }

  /** All of what the origin has given to the disk until now is on it: what a kill may leave. */
  async sync(): Promise<void> {
    await this.#origin?.written();
    this.#copies.push(copyOf(this.folder));
  }

  /** The next origin finds what was on the disk `syncsAgo`, or when this one began; nothing was written since. */
  async killed(syncsAgo: number): Promise<void> {
    await this.#origin?.kill();
    this.folder = join(this.#parent, String(Number(basename(this.folder)) + 1));
    for (const [path, bytes] of this.#copies.at(-1 - syncsAgo) ?? this.#copies[0] ?? []) {
      const target = join(this.folder, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, bytes);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#origin?.kill();
    rmSync(this.#parent, { recursive: true, force: true });
  }
}

interface OriginParts {
  readonly clock: VirtualClock;
  readonly keeping: LiveKeeping;
  readonly directory: StreamDirectory;
  readonly channels: LiveChannels;
  readonly histories: Map<string, string[]>;
}

/** An origin's streams without its listeners, until it is killed or stopped. */
export class KeptOrigin {
  readonly #parts: OriginParts;
  #lease: PublicationLease | undefined;

  constructor(parts: OriginParts) {
    this.#parts = parts;
  }

  get directory(): StreamDirectory {
    return this.#parts.directory;
  }

  get channels(): LiveChannels {
    return this.#parts.channels;
  }

  /** Of the stream that is published here. */
  get packager() {
    return this.#parts.channels.get('live/test')?.packager;
  }

  publish(configs: readonly TrackConfig[]): void {
    const { directory, clock } = this.#parts;
    this.#lease = grantedLease(directory, {
      path: 'live/test',
      peer: '127.0.0.1:5',
      encoder: 'test',
      startedWallMs: clock.wallMs(),
      configs,
    });
  }

  /** Each unit comes `timestampMs` − that of the first after now. */
  send(units: readonly AccessUnit[]): void {
    this.#send(units, () => this.record());
  }

  /** Likewise, and those who watch wait for nothing that is yet to come. */
  sendToPlainPlayers(units: readonly AccessUnit[]): void {
    this.#send(units, () => this.record(false));
  }

  /** Likewise, and nobody looks. */
  sendUnwatched(units: readonly AccessUnit[]): void {
    this.#send(units, () => {});
  }

  #send(units: readonly AccessUnit[], onUnit: () => void): void {
    const { clock } = this.#parts;
    const startMs = clock.monotonicMs();
    const firstMs = units[0]?.timestampMs ?? 0;
    for (const unit of units) {
      const dueMs = startMs + ((unit.timestampMs - firstMs) | 0);
      if (dueMs > clock.monotonicMs()) clock.advance(dueMs - clock.monotonicMs());
      this.#lease?.push(unit);
      onUnit();
    }
  }

  sendAtOnce(units: readonly AccessUnit[]): void {
    for (const unit of units) this.#lease?.push(unit);
    this.record();
  }

  /** Time goes by. */
  wait(seconds: number): void {
    for (let leftMs = seconds * 1_000; leftMs > 0; leftMs -= 20) {
      this.#parts.clock.advance(Math.min(leftMs, 20));
      this.record();
    }
  }

  unpublish(): void {
    this.#lease?.release();
    this.record();
  }

  /** The disk has everything that was given to it. */
  async written(): Promise<void> {
    await this.#parts.keeping.close(60_000);
  }

  /** Nothing more of this origin happens, and nothing more is written. */
  async kill(): Promise<void> {
    this.#parts.channels.close();
    this.#parts.directory.close();
    await this.written();
  }

  /** As a process ends that is asked to. */
  async stop(): Promise<void> {
    this.unpublish();
    this.#parts.directory.stopSlates();
    await this.kill();
  }

  /** Keeps the playlists as they are now, where they have changed: somebody watches, who `waits` for what is yet to come. */
  record(waits = true): void {
    const { packager } = this;
    packager?.watched(waits);
    for (const rendition of packager?.renditions ?? []) {
      const text = packager?.mediaPlaylist(rendition)?.plain.toString();
      const name = `${rendition.name}.m3u8`;
      const history = this.#parts.histories.get(name) ?? [];
      if (text !== undefined && text !== history.at(-1)) history.push(text);
      if (history.length > 0) this.#parts.histories.set(name, history);
    }
  }
}

function epochOf(playlist: string): string | undefined {
  return /^([0-9a-z-]+)\/[a-z0-9-]+\/\d+\.m4s$/m.exec(playlist)?.[1];
}

function copyOf(folder: string): ReadonlyMap<string, Buffer> {
  if (!existsSync(folder)) return new Map();
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map(({ name, parentPath }) => {
      const path = join(parentPath, name);
      return [relative(folder, path), readFileSync(path)];
    }),
  );
}
