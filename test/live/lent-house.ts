import { mediaPartSamples } from '../../src/formats/cmaf/media-part-samples.ts';
import { legacyFlvClient } from '../../src/formats/flv/client-capabilities.ts';
import { silentFrame } from '../../src/formats/aac/silent-frame.ts';
import { PulledPublication } from '../../src/edge/pulled-publication.ts';
import { FanOut } from '../../src/live/fan-out.ts';
import { LiveStream } from '../../src/live/live-stream.ts';
import type { PlayerFeed } from '../../src/live/player-feed.ts';
import type { PublicationLease } from '../../src/live/publication-lease.ts';
import { StreamDirectory } from '../../src/live/stream-directory.ts';
import { flvWireForm, rtmpWireForm } from '../../src/live/wire-form.ts';
import { Packager } from '../../src/origin/packager.ts';
import { originSchema } from '../../src/origin/settings.ts';
import { holdParts } from '../../src/stores/segment-window.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { aac, avc } from '../rtmp/sample-media.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { chunkBytes, dataOf, flvTo, headBytes, type Kind, Reader, watch, Wire, Witness } from './lent-wires.ts';

const path = 'live/test';
const frameMs = 40;

interface Publisher {
  readonly number: number;
  readonly lease: PublicationLease;
  readonly wire: Wire;
  readonly gop: number;
  pictures: number;
  sounds: number;
}

type Viewer = { readonly reader: Reader; readonly feed: PlayerFeed };

/** An origin and an edge, whose publishers and viewers come and go. */
export class House {
  readonly clock = new VirtualClock();
  readonly #numbers: readonly number[];
  #at = 0;
  readonly #directory: StreamDirectory;
  readonly #fanOut: FanOut;
  readonly #publishers: Publisher[] = [];
  #publishersBefore = 0;
  readonly #viewers: Viewer[] = [];
  readonly #edge = new LiveStream(path);
  readonly #edgeFanOut: FanOut;
  #pull: { readonly publication: PulledPublication; readonly viewer: Viewer } | undefined;
  readonly #packagers: Packager[] = [];
  readonly #packaged = new Map<string, string>();
  readonly witnesses: Witness[] = [];

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
    const { clock } = this;
    const log = new LogRecorder();
    const live = originSchema.parse({ live: { window: '6s' } }).live;
    const backup = { takeOverAfterMs: 500, handBack: true, handBackAfterMs: 1_000 };
    this.#directory = new StreamDirectory({ clock, reconnectGraceMs: 60_000, maxStreams: 5, backup, log });
    this.#directory.onStream((stream) => {
      const packager = new Packager({ path, epoch: 'e1', settings: live, clock, log });
      stream.subscribe(packager);
      this.#packagers.push(packager);
      watch(stream, this.#witness('a subscriber at the origin'));
    });
    const settings = { mergeWindow: 80, maxQueueBytes: 300_000 } as const;
    this.#fanOut = new FanOut({ settings, settingsPath: 'test', clock });
    this.#edgeFanOut = new FanOut({ settings, settingsPath: 'test', clock });
    watch(this.#edge, this.#witness('a subscriber at the edge'));
  }

  publish(role: 'primary' | 'backup'): void {
    const number = this.#publishersBefore + 1;
    const outcome = this.#directory.publish({
      path,
      role,
      publication: { peer: String(number), encoder: undefined, startedWallMs: this.clock.wallMs() },
      credential: 'one',
      onTakenOver: () => this.#forget(number),
    });
    if (outcome.kind === 'refused') return;
    this.#publishersBefore = number;
    const wire = new Wire(outcome.lease, () => this.#number(9_000));
    const publisher = { number, lease: outcome.lease, wire, gop: this.#number(60), pictures: 0, sounds: 0 };
    this.#publishers.push(publisher);
    wire.config(avc);
    wire.config(aac);
  }

  leave(): void {
    const [publisher] = this.#publishers;
    if (publisher === undefined) return;
    this.#forget(publisher.number);
    publisher.lease.release();
  }

  /** The first of them sends nothing in this time, or all send. */
  send(frames: number, firstIsSilent: boolean): void {
    for (let frame = 0; frame < frames; frame++) {
      for (const publisher of firstIsSilent ? this.#publishers.slice(1) : this.#publishers) this.#sendFrame(publisher);
      this.clock.advance(frameMs);
    }
  }

  join(atEdge: boolean): void {
    const stream = atEdge ? this.#edge : this.#directory.get(path);
    if (stream === undefined) return;
    const witness = this.#witness(atEdge ? 'a viewer at the edge' : 'a viewer at the origin');
    const reader = new Reader(flvTo(witness));
    const feed = (atEdge ? this.#edgeFanOut : this.#fanOut).join(stream, flvWireForm(legacyFlvClient), reader);
    this.#viewers.push({ reader, feed });
  }

  withViewer(action: (viewer: Viewer) => void): void {
    const viewer = this.#viewers[this.#number(this.#viewers.length + 1) - 1];
    if (viewer !== undefined && !viewer.reader.gone) action(viewer);
  }

  leaveViewer(): void {
    this.withViewer((viewer) => {
      this.#viewers.splice(this.#viewers.indexOf(viewer), 1);
      viewer.feed.end();
      // What it had been given is still read.
      viewer.reader.drain();
    });
  }

  /** The edge asks the origin for the stream; the connection it had is broken. */
  pull(): void {
    const stream = this.#directory.get(path);
    if (stream === undefined) return;
    this.#pull?.viewer.feed.end();
    this.#pull?.publication.interrupted();
    const publication = new PulledPublication(this.#edge, () =>
      this.#edge.startPublication({ peer: 'origin', encoder: undefined, startedWallMs: 0 }),
    );
    const wire = new Wire(publication, () => this.#number(9_000));
    const reader = new Reader((bytes) => wire.receive(bytes));
    const feed = this.#fanOut.join(stream, rtmpWireForm(chunkBytes, 1, legacyFlvClient), reader);
    this.#pull = { publication, viewer: { reader, feed } };
  }

  /** What is in the windows has been sent, and is what it was when it was looked at before. */
  lookAtParts(): void {
    for (const [life, { renditions }] of this.#packagers.entries()) {
      for (const { name, kind, window } of renditions) {
        for (const { msn, parts } of window.segments) {
          for (const [index, part] of parts.entries()) {
            if (part.gap) continue;
            const held = holdParts([part]);
            const bytes = Buffer.concat(held.pieces);
            held.release();
            const place = `${life} ${name} ${msn}.${index}`;
            const before = this.#packaged.get(place);
            const now = bytes.toString('latin1');
            if (before !== undefined && before !== now) throw new Error(`part ${place} has changed`);
            this.#packaged.set(place, now);
            for (const { data } of mediaPartSamples(bytes).samples) lookAtSample(kind, data);
          }
        }
      }
    }
  }

  get parts(): number {
    return this.#packaged.size;
  }

  close(): void {
    for (const { reader } of this.#viewers) reader.drain();
    this.lookAtParts();
    this.#directory.close();
  }

  #forget(number: number): void {
    const at = this.#publishers.findIndex((publisher) => publisher.number === number);
    if (at >= 0) this.#publishers.splice(at, 1);
  }

  #sendFrame(publisher: Publisher): void {
    const { number, wire, gop } = publisher;
    const timestampMs = publisher.pictures * frameMs;
    const keyframe = publisher.pictures % gop === 0;
    const length = this.#number(keyframe ? 60_000 : 4_000);
    const data = dataOf(number, 'video', publisher.pictures++, Math.max(headBytes, length));
    const trackId = 0;
    wire.unit(avc, { kind: 'video', trackId, timestampMs, keyframe, compositionOffsetMs: 0, data });
    while (publisher.sounds * 21.333 < timestampMs) {
      const soundMs = Math.round(publisher.sounds * 21.333);
      const sound = dataOf(number, 'audio', publisher.sounds++, headBytes + this.#number(300));
      wire.unit(aac, { kind: 'audio', trackId, timestampMs: soundMs, data: sound });
    }
    wire.flush();
  }

  #witness(name: string): Witness {
    const witness = new Witness(name);
    this.witnesses.push(witness);
    return witness;
  }

  /** From 1 to `most`. */
  #number(most: number): number {
    const number = this.#numbers[this.#at++ % this.#numbers.length] ?? 0;
    return 1 + ((number + this.#at * 7_919) % most);
  }
}

const silence = silentFrame(aac);

function lookAtSample(kind: Kind, data: Uint8Array): void {
  // What was inserted where nothing was sent.
  if (kind === 'audio' && silence !== undefined && Buffer.compare(silence, data) === 0) return;
  const { [3]: publisher = 0 } = data;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const expected = dataOf(publisher, kind, view.getUint32(4), Math.min(view.getUint32(8), 100_000));
  if (Buffer.compare(expected, data) !== 0) throw new Error(`${kind} in a part is not what was sent`);
}
