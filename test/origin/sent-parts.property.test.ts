import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SegmentWindow, StoredPart } from '../../src/stores/segment-window.ts';
import { holdParts } from '../../src/stores/segment-window.ts';
import { eventually } from '../support/condition.ts';
import { LiveOrigin } from '../support/live-origin.ts';
import { videoConfig, videoUnits } from '../support/synthetic-units.ts';

const framesPerSecond = 10;
/** Beyond that a segment is gone, and its memory with it, unless somebody has it. */
const untilGoneSeconds = 40;

/** Ways to ask: by the quick path, and by `node:http` for a field or a range that the quick one does not know. */
const ways = { quick: '', slow: 'X-Unknown: 1\r\n', range: 'Range: bytes=1000-\r\n' } as const;
type Way = keyof typeof ways;

/** A stream at an origin whose parts are written down as they come. */
class Stage implements AsyncDisposable {
  readonly origin: LiveOrigin;
  readonly #stream: ReturnType<LiveOrigin['publish']>;
  readonly #frameBytes: number;
  #seconds = 0;
  #recorded = { msn: 0, part: 0 };
  /** What answers have to be, by path below the stream. */
  readonly contents = new Map<string, Buffer>();
  /** Memory that parts have been written to, each time that it was begun with. */
  readonly slabs: ArrayBufferLike[] = [];

  private constructor(origin: LiveOrigin, frameBytes: number) {
    this.origin = origin;
    this.#frameBytes = frameBytes;
    this.#stream = origin.publish('test', [videoConfig]);
  }

  static async open(frameBytes: number): Promise<Stage> {
    return new Stage(await LiveOrigin.start({ live: { window: '6s' } }), frameBytes);
  }

  get window(): SegmentWindow {
    if (this.#window === undefined) throw new Error('there is no rendition yet');
    return this.#window;
  }

  get #window(): SegmentWindow | undefined {
    return this.origin.channels.get('live/test')?.packager.rendition('video')?.window;
  }

  publish(seconds: number): void {
    for (let left = seconds; left > 0; left--) {
      const units = videoUnits({ seconds: this.#seconds + 1, framesPerSecond, gop: 2 * framesPerSecond, bytes: 0 });
      for (const unit of units.slice(this.#seconds * framesPerSecond)) {
        const data = new Uint8Array(this.#frameBytes + (unit.timestampMs % 701)).fill(unit.timestampMs / 100);
        this.#stream.push({ ...unit, data });
      }
      this.#seconds++;
      this.#record();
    }
  }

  #record(): void {
    const nextPart = this.#window?.nextPart;
    if (nextPart === undefined) return;
    for (; this.#recorded.msn < nextPart.msn; this.#recorded = { msn: this.#recorded.msn + 1, part: 0 }) {
      this.#recordSegment(this.#recorded.msn);
    }
    this.#recordSegment(nextPart.msn);
  }

  #recordSegment(msn: number): void {
    const segment = this.window.segment(msn);
    const parts = segment?.parts ?? this.window.open?.parts ?? [];
    for (const part of parts.slice(this.#recorded.part)) {
      this.contents.set(`e1/video/${msn}.${this.#recorded.part++}.m4s`, this.#bytesOf(part));
    }
    if (segment === undefined) return;
    const pieces = parts.map((_, index) => this.contents.get(`e1/video/${msn}.${index}.m4s`) ?? Buffer.alloc(0));
    this.contents.set(`e1/video/${msn}.m4s`, Buffer.concat(pieces));
  }

  #bytesOf(part: StoredPart): Buffer {
    const held = holdParts([part]);
    const [bytes = Buffer.alloc(0)] = held.pieces;
    const copy = Buffer.from(bytes);
    if (bytes.buffer !== this.slabs.at(-1)) this.slabs.push(bytes.buffer);
    held.release();
    return copy;
  }

  /** How often memory was used again. */
  get reused(): number {
    return this.slabs.length - new Set(this.slabs).size;
  }

  ask(requests: readonly { readonly path: string; readonly way: Way }[]): Viewer {
    return new Viewer(Number(new URL(this.origin.url).port), requests, this.contents);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.origin.close();
  }
}

/** Asks for several things at once on one connection, and reads nothing until it is told to. */
class Viewer {
  readonly #requests: readonly { readonly path: string; readonly way: Way }[];
  readonly #contents: ReadonlyMap<string, Buffer>;
  readonly #socket: Socket;
  readonly #pieces: Buffer[] = [];
  receivedBytes = 0;
  state: 'asking' | 'has ended' | 'is gone' = 'asking';

  constructor(port: number, requests: Viewer['requests'], contents: ReadonlyMap<string, Buffer>) {
    this.#requests = requests;
    this.#contents = contents;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.pause();
    this.#socket.on('error', () => {});
    this.#socket.on('data', (bytes: Buffer) => {
      this.#pieces.push(bytes);
      this.receivedBytes += bytes.length;
    });
    this.#socket.pause();
    for (const { path, way } of requests) {
      this.#socket.write(`GET /live/test/${path} HTTP/1.1\r\nHost: a.example\r\n${ways[way]}\r\n`);
    }
  }

  get requests() {
    return this.#requests;
  }

  read(): void {
    this.#socket.resume();
  }

  /** Asks for nothing more; what is on its way may come or not. */
  end(): void {
    this.state = 'has ended';
    this.#socket.end();
  }

  destroy(): void {
    this.state = 'is gone';
    this.#socket.destroy();
  }

  /** Reads all that comes; how many answers were whole. Throws where one is not what it has to be. */
  async finish(): Promise<number> {
    const closed = this.#socket.destroyed ? undefined : once(this.#socket, 'close');
    this.read();
    if (this.state === 'asking') await eventually('all answers', () => this.#check() === this.#requests.length, 20_000);
    if (this.state === 'asking') this.#socket.destroy();
    await closed;
    return this.#check();
  }

  #check(): number {
    let rest = Buffer.concat(this.#pieces);
    let whole = 0;
    for (const { path, way } of this.#requests) {
      const headEnd = rest.indexOf('\r\n\r\n');
      if (headEnd < 0) break;
      const head = rest.toString('latin1', 0, headEnd);
      const status = Number(head.slice(9, 12));
      const length = Number(/\r\nContent-Length: (\d+)/.exec(head)?.[1]);
      const body = rest.subarray(headEnd + 4, headEnd + 4 + length);
      // One that has left the window before its turn came, or never comes.
      if (status !== 404) {
        const all = this.#contents.get(path);
        const content = way === 'range' ? all?.subarray(1_000) : all;
        expect([status, length], path).toEqual([way === 'range' ? 206 : 200, content?.length]);
        expect(content?.subarray(0, body.length).equals(body), `${body.length} bytes of ${path} by ${way}`).toBe(true);
      }
      if (body.length < length) break;
      rest = rest.subarray(headEnd + 4 + length);
      whole++;
    }
    return whole;
  }
}

const request = fc.record({
  way: fc.constantFrom<Way>('quick', 'quick', 'slow', 'range'),
  segmentsBack: fc.integer({ min: 0, max: 2 }),
  part: fc.option(fc.integer({ min: 0, max: 5 })),
});

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('publish' as const), seconds: fc.integer({ min: 1, max: 12 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      requests: fc.array(request, { minLength: 1, maxLength: 4 }),
      reads: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('read' as const, 'end' as const, 'destroy' as const),
      viewer: fc.nat({ max: 30 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('turns' as const), turns: fc.integer({ min: 1, max: 30 }) }) },
);

describe('an answer of media', () => {
  it('never changes on its way, whatever viewers do meanwhile and whatever memory is used again', async () => {
    let [reused, answered] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 30 }), async (steps) => {
        await using stage = await Stage.open(60_000);
        stage.publish(6);
        const viewers: Viewer[] = [];
        for (const done of steps) {
          if (done.kind === 'publish') stage.publish(done.seconds);
          else if (done.kind === 'turns') for (let turn = 0; turn < done.turns; turn++) await setImmediate();
          else if (done.kind === 'ask') {
            const newest = stage.window.nextPart.msn;
            const requests = done.requests.map(({ way, segmentsBack, part }) => {
              const msn = newest - segmentsBack;
              return { way, path: `e1/video/${msn}${part === null ? '' : `.${part}`}.m4s` };
            });
            viewers.push(stage.ask(requests));
            if (done.reads) viewers.at(-1)?.read();
          } else {
            const viewer = viewers[done.viewer % Math.max(1, viewers.length)];
            if (viewer?.state === 'asking') viewer[done.kind]();
          }
        }
        // Whoever waits for a part that is to come gets it.
        stage.publish(4);
        for (const viewer of viewers) answered += await viewer.finish();
        reused += stage.reused;
      }),
      { numRuns: 12 },
    );
    expect(reused).toBeGreaterThan(30);
    expect(answered).toBeGreaterThan(100);
  }, 120_000);

  it.each<Way>(['quick', 'slow', 'range'])(
    'is held by a viewer who does not take it, however long, and asked for %s; then its memory is used again',
    async (way) => {
      await using stage = await Stage.open(100_000);
      stage.publish(6);
      const paths = [0, 1, 2].flatMap((msn) => [`e1/video/${msn}.m4s`, `e1/video/${msn}.0.m4s`]);
      const viewer = stage.ask([...paths, ...paths].map((path) => ({ path, way })));
      const gone = stage.ask([...paths, ...paths].map((path) => ({ path, way })));
      for (let turn = 0; turn < 200; turn++) await setImmediate();
      stage.publish(untilGoneSeconds);
      gone.destroy();
      expect(stage.window.oldestMsn).toBeGreaterThan(2);
      expect(await viewer.finish()).toBe(2 * paths.length);
      expect(viewer.receivedBytes).toBeGreaterThan(4_000_000);
      await eventually('all memory is back', () => {
        const before = new Set(stage.slabs);
        const { length } = stage.slabs;
        stage.publish(2);
        return stage.slabs.slice(length).every((slab) => before.has(slab));
      });
    },
    30_000,
  );

  it('leaves a stream that is watched in the memory of what has left', async () => {
    await using stage = await Stage.open(2_000);
    stage.publish(untilGoneSeconds);
    for (let round = 0; round < 40; round++) {
      const { msn } = stage.window.nextPart;
      const paths = [`${msn - 1}.m4s`, `${msn - 1}.1.m4s`, `${msn}.0.m4s`].map((name) => `e1/video/${name}`);
      const requests = paths.flatMap((path) => (['quick', 'slow', 'range'] as const).map((way) => ({ path, way })));
      expect(await stage.ask(requests).finish()).toBe(requests.length);
      const head = await stage.origin.get(`/live/test/${paths[0]}`, { method: 'HEAD' });
      const behind = await stage.origin.get(`/live/test/${paths[0]}`, { headers: { Range: 'bytes=99999999-' } });
      expect([head.status, behind.status]).toEqual([200, 416]);
      await behind.text();
      stage.publish(2);
    }
    const early = new Set(stage.slabs.slice(0, stage.slabs.length / 2));
    const later = stage.slabs.slice(stage.slabs.length / 2);
    expect(later.length).toBeGreaterThan(10);
    // Of what leaves at the same time some is let go.
    expect(new Set(later.filter((slab) => !early.has(slab))).size).toBeLessThan(3);
  });
});
