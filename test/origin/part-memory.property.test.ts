import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mediaPart } from '../../src/formats/cmaf/media-part.ts';
import { Rendition } from '../../src/origin/rendition.ts';
import { StreamKeeper } from '../../src/origin/stream-keeper.ts';
import { decodeSegmentFile } from '../../src/stores/kept/segment-file.ts';
import { StreamFiles } from '../../src/stores/kept/stream-files.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { videoConfig } from '../support/synthetic-units.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const partTicks = 45_000;
const partsOfSegment = 4;
const hashOf = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest('hex');

/** A rendition with a short window, kept on a disk, and what each of its parts has to be. */
class House {
  readonly folder = mkdtempSync(join(tmpdir(), 'streamfront-part-memory-'));
  readonly log = new LogRecorder();
  readonly clock = new VirtualClock();
  readonly files = new StreamFiles({ folder: this.folder, clock: this.clock, log: this.log });
  readonly keeper = new StreamKeeper({ path: '', epoch: '', files: this.files, clock: this.clock, onGone: () => {} });
  readonly rendition = new Rendition(
    'video',
    videoConfig,
    { targetDurationSeconds: 2, partTargetMs: 500, segmentSeconds: 2 },
    { windowSeconds: 8, keepSeconds: 4, maxBytes: 1_000_000, leastSeconds: 4 },
    () => '2026-01-01T00:00:00.000Z',
  );
  /** Hashes by sequence number and index. */
  readonly published = new Map<string, string>();
  readonly handed: { readonly bytes: Uint8Array; readonly hash: string }[] = [];
  /** Slabs that parts have been written to, each time that one was begun. */
  readonly slabs: ArrayBuffer[] = [];
  #count = 0;

  publish(byteLength: number, watched = false): void {
    const { window } = this.rendition;
    const startTicks = this.#count * partTicks;
    const { msn, part } = window.nextPart;
    if (part === 0) {
      const facts = { discontinuity: false, discontinuitySequence: 0, independent: true };
      this.rendition.startSegment(videoConfig, { ...facts, msn, startTicks });
    }
    const data = new Uint8Array(byteLength).map((_, at) => this.#count * 31 + at);
    const unit = { durationTicks: partTicks, compositionOffsetTicks: 0, keyframe: part === 0, data };
    const units = [{ ...unit, track: 0, dtsTicks: startTicks }];
    this.rendition.addPart({ units, startTicks, durationTicks: partTicks, independent: part === 0 });
    this.#count++;
    const sequenceNumber = this.#count;
    this.published.set(
      `${msn}.${part}`,
      hashOf(mediaPart({ sequenceNumber, baseMediaDecodeTimeTicks: startTicks, samples: [unit] })),
    );
    const memory = window.part(msn, part)?.memory;
    memory?.hold();
    if (memory !== undefined && memory.held.buffer !== this.slabs.at(-1)) this.slabs.push(memory.held.buffer);
    memory?.release();
    if (watched) this.keeper.onPart(this.rendition);
    if (part + 1 < partsOfSegment) return;
    this.rendition.endSegment(partsOfSegment * partTicks);
    this.keeper.onSegment(this.rendition);
  }

  /** Somebody asks for a part, so far back from the newest, and keeps it. */
  ask(back: number): void {
    const { window } = this.rendition;
    const { msn, part } = window.nextPart;
    const at = msn * partsOfSegment + part - 1 - back;
    if (at < 0) return;
    const [askedMsn, index] = [Math.floor(at / partsOfSegment), at % partsOfSegment];
    const bytes = window.part(askedMsn, index)?.bytes;
    if (bytes === undefined) return;
    const hash = hashOf(bytes);
    expect(hash, `part ${askedMsn}.${index}`).toBe(this.published.get(`${askedMsn}.${index}`));
    this.handed.push({ bytes, hash });
  }

  /** What was handed out is what it was, and so is what a restart would find. */
  async check(): Promise<void> {
    await this.files.idle();
    for (const { bytes, hash } of this.handed) expect(hashOf(bytes)).toBe(hash);
    const kept = readdirSync(this.folder).filter((name) => name.endsWith('.segment'));
    for (const name of kept) {
      const { segment } = decodeSegmentFile(Uint8Array.from(readFileSync(join(this.folder, name))));
      expect(segment.parts.map(({ bytes }) => hashOf(bytes))).toEqual(
        segment.parts.map((_, index) => this.published.get(`${segment.msn}.${index}`)),
      );
    }
    const { window } = this.rendition;
    expect(kept).toHaveLength(window.segments.length === 0 ? 0 : window.lastCompleteMsn + 1 - (window.oldestMsn ?? 0));
    expect(this.log.lines).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.files.closeParts();
    await this.files.idle();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const step = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      byteLength: fc.integer({ min: 400, max: 600 }),
      watched: fc.boolean(),
    }),
  },
  // Often none of a slab.
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ask' as const), back: fc.integer({ min: 0, max: 30 }) }) },
  // Otherwise nothing comes to the disk.
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('disk' as const), turns: fc.integer({ min: 1, max: 9 }) }) },
);

describe('Rendition', () => {
  it('never changes bytes that it has handed out, nor those that wait for the disk, whatever it uses again', async () => {
    let reused = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 200, maxLength: 300 }), async (steps) => {
        await using house = new House();
        for (const done of steps) {
          if (done.kind === 'publish') house.publish(done.byteLength, done.watched);
          else if (done.kind === 'ask') house.ask(done.back);
          else for (let turn = 0; turn < done.turns; turn++) await setImmediate();
        }
        await house.check();
        reused += house.slabs.length - new Set(house.slabs).size;
      }),
      // The disk takes other turns each time: there is nothing to shrink, and a minute would pass with it.
      { numRuns: 40, endOnFailure: true },
    );
    expect(reused).toBeGreaterThan(100);
  });

  it.each([1, 200])(
    'has a stream that nobody asks for in the memory of what has left, with %i sizes of parts',
    async (spread) => {
      await using house = new House();
      for (let count = 0; count < 400; count++) {
        house.publish(450 + ((count * 37) % spread));
        if (count % partsOfSegment === partsOfSegment - 1) await house.files.idle();
      }
      const early = new Set(house.slabs.slice(0, 12));
      const later = house.slabs.slice(12);
      expect(later.length).toBeGreaterThan(30);
      expect(later.filter((slab) => !early.has(slab))).toHaveLength(0);
      await house.check();
    },
  );

  it('is not changed by what comes when each part is asked for', async () => {
    await using house = new House();
    for (let count = 0; count < 200; count++) {
      house.publish(450, true);
      house.ask(0);
    }
    expect(new Set(house.slabs).size).toBe(house.slabs.length);
    await house.check();
  });
});
