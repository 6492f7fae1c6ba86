import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zeroCounters } from '../../../src/edge/edge-counters.ts';
import type { CachedResponse } from '../../../src/edge/edge-response.ts';
import { HoldBudget } from '../../../src/edge/held-slices.ts';
import { OriginCredentials } from '../../../src/edge/origin-credentials.ts';
import { relayOrigins } from '../../../src/edge/relay-origin.ts';
import { openResponseStore } from '../../../src/edge/response-store.ts';
import { compileDistributions } from '../../../src/edge/routes.ts';
import { RecentPlaylists } from '../../../src/edge/recent-playlists.ts';
import { RunningFetches } from '../../../src/edge/running-fetches.ts';
import { edgeSchema } from '../../../src/edge/settings.ts';
import { SlicedObjects } from '../../../src/edge/sliced-objects.ts';
import { StoredPlays } from '../../../src/edge/stored/stored-plays.ts';
import { compileStreamingRoutes } from '../../../src/edge/streaming-routes.ts';
import type { OriginFetch } from '../../../src/edge/origin-fetch.ts';
import type { Reading } from '../../../src/formats/media/stored-media.ts';
import { Upstream } from '../../../src/http/upstream.ts';
import type { PlayRefused, StoredAdmission } from '../../../src/live/play-gate.ts';
import type { StoredFile } from '../../../src/live/stored-file.ts';
import { LibraryFiles } from '../../../src/origin/library/library-files.ts';
import { LibraryResponder } from '../../../src/origin/library/library-responder.ts';
import { BanList } from '../../../src/policy/ban-list.ts';
import type { CacheStoreStats } from '../../../src/stores/cache-store.ts';
import { BanGuard } from '../../../src/stores/ban-guard.ts';
import { SliceMemory } from '../../../src/stores/slice-memory.ts';
import { LogRecorder } from '../../support/log-recorder.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { startTestOrigin, type TestOrigin } from '../test-edge.ts';

export const sliceBytes = 65_536;

/** A library behind real HTTP that counts what it sends. */
export class CountedLibrary implements AsyncDisposable {
  readonly folder: string;
  readonly clock = new VirtualClock();
  /** Bytes of bodies that were written to sockets. */
  sentBytes = 0;
  /** The answer to a range that begins here waits. */
  held: { readonly first: number; readonly until: Promise<void> } | undefined;
  #origin: TestOrigin | undefined;
  #port = 0;
  readonly #responder: LibraryResponder;

  private constructor(folder: string) {
    this.folder = folder;
    const files = new LibraryFiles(realpathSync(folder), 1_000);
    this.#responder = new LibraryResponder({ files, clock: this.clock, log: new LogRecorder() });
  }

  static async start(): Promise<CountedLibrary> {
    const library = new CountedLibrary(await mkdtemp(join(tmpdir(), 'streamfront-stored-')));
    await library.listen();
    return library;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get requests(): TestOrigin['requests'] {
    return this.#origin?.requests ?? [];
  }

  async listen(): Promise<void> {
    this.#origin = await startTestOrigin(async (request, response) => {
      const write = response.write.bind(response);
      response.write = ((bytes: Buffer, ...rest: []) => {
        this.sentBytes += bytes.length;
        return write(bytes, ...rest);
      }) as typeof response.write;
      const { held } = this;
      if (held !== undefined && request.headers.range?.startsWith(`bytes=${held.first}-`)) await held.until;
      const path = new URL(request.url ?? '', 'http://h').pathname.slice('/library/'.length);
      const refusal = await this.#responder.answer(request, response, path, []);
      if (refusal !== undefined) response.writeHead(refusal.status, refusal.fields.flat()).end(refusal.sentence);
    }, this.#port);
    this.#port = this.#origin.port;
  }

  /** Nobody answers any more. */
  async stop(): Promise<void> {
    await this.#origin?.stop();
  }

  /** Each with a time of its own, long ago. */
  async put(name: string, bytes: Buffer | string, second = 0): Promise<void> {
    await writeFile(join(this.folder, name), bytes);
    const modified = new Date(Date.UTC(2025, 2, 1, 12, 0, second));
    await utimes(join(this.folder, name), modified, modified);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true });
  }
}

/** What an edge has for stored files, without the protocols that they are played by. */
export class StoredEdge implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly log = new LogRecorder();
  readonly bans: BanList;
  readonly counters = zeroCounters();
  readonly plays: StoredPlays;
  readonly storeStats: () => CacheStoreStats;
  readonly #routes: ReturnType<typeof compileStreamingRoutes>;
  readonly #close: () => Promise<void>;

  constructor(
    url: string,
    { clock = new VirtualClock(), dataFolder }: { clock?: VirtualClock; dataFolder?: string } = {},
  ) {
    this.clock = clock;
    const settings = edgeSchema.parse({
      origins: { main: { url, connectTimeout: '200ms', connectAttempts: 1 } },
      cache: { memory: '64MiB', slice: '64KiB', disk: { keepFree: '0B' } },
    });
    const { log } = this;
    this.bans = new BanList({ beginSequence: 0, forgottenSequence: 0, currentSequence: 0 });
    const memory = new SliceMemory(settings.cache.sliceBytes);
    const kept = dataFolder === undefined ? {} : { dataFolder };
    const tiers = openResponseStore(settings.cache, { clock, log, ...kept }, memory);
    const store = new BanGuard<CachedResponse>(tiers.store, this.bans);
    this.storeStats = () => store.stats();
    const upstreams = new Map(Object.entries(settings.origins).map(([name, server]) => [name, new Upstream(server)]));
    const { counters } = this;
    const { bans } = this;
    const budget = new HoldBudget(16_777_216);
    const web = compileDistributions(settings.distributions, upstreams, { clock, log });
    this.plays = new StoredPlays(
      {
        bans,
        clock,
        log,
        store,
        counters,
        slices: new SlicedObjects({ bans, clock, log, store, counters, budget, memory, ...settings.cache }),
        playlists: new RecentPlaylists(bans),
        fetches: new RunningFetches<OriginFetch>(bans),
        identity: { via: '1.1 test', cdnId: 'test' },
        maxObjectBytes: settings.cache.maxObjectBytes,
        maxWaiting: settings.cache.maxWaiting,
        nextRequestId: () => 'test',
      },
      web,
    );
    const credentials = new Map(
      Object.entries(settings.origins).map(([name, server]) => [
        name,
        new OriginCredentials({ name, settings: server, environment: {}, clock, log }),
      ]),
    );
    const origins = relayOrigins(settings.origins, credentials);
    this.#routes = compileStreamingRoutes(settings.streaming, settings.distributions, origins, { clock, log });
    this.#close = async () => {
      await this.plays.close();
      await Promise.all([...upstreams.values()].map((upstream) => upstream.close()));
      await tiers.close();
    };
  }

  admit(streamName: string, signal = new AbortController().signal): Promise<StoredAdmission | PlayRefused> {
    const routed = this.#routes.play(undefined, 'cfx/st', streamName);
    if (routed.kind !== 'stored') throw new Error(`${streamName} is ${routed.kind}`);
    return this.plays.admit(routed, { address: '192.0.2.1', door: () => undefined }, signal);
  }

  /** Fails when it is not admitted. */
  async file(streamName: string): Promise<StoredFile> {
    const admission = await this.admit(streamName);
    if (admission.kind === 'refused') throw new Error(`${admission.code} ${admission.sentence}`);
    return admission.file;
  }

  /** How often a file was really read for its index. */
  get openings(): number {
    return this.log.lines.filter(({ message }) => message === 'media file opened').length;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

/** What a range of a file holds; rejects when it cannot be had. */
export function readAt(file: StoredFile, first: number, length: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const pieces: Buffer[] = [];
  const pump = (): void => {
    for (let piece = reader.read(); piece !== undefined; piece = reader.read()) pieces.push(piece);
    const { state } = reader;
    if (state === 'open') return;
    reader.close();
    if (state === 'ended') resolve(Buffer.concat(pieces));
    else reject(state.error);
  };
  const reader = file.openReader({ first, last: first + length - 1 }, pump);
  pump();
  return promise;
}

/** Follows a reading to its end. */
export async function driven<Result>(file: StoredFile, reading: Reading<Result>): Promise<Result> {
  let step = reading.next();
  while (step.done !== true) {
    const { from, to } = step.value;
    const end = Math.min(to, file.lengthBytes);
    step = reading.next(from < end ? await readAt(file, from, end - from) : new Uint8Array(0));
  }
  return step.value;
}
