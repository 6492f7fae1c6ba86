import { initSegment } from '../formats/cmaf/init-segment.ts';
import { eventMessage, id3EventScheme } from '../formats/cmaf/event-message.ts';
import { type MediaPart, planMediaPart } from '../formats/cmaf/media-part.ts';
import { protectSample, type SampleProtection } from '../formats/cmaf/sample-encryption.ts';
import type { CmafTrackConfig } from '../formats/cmaf/cmaf-track.ts';
import { sameTrackConfig } from '../formats/media/track.ts';
import type { CutGap, CutPart, SegmentStart } from '../policy/part-cutter.ts';
import type { PlaylistTargets } from '../policy/target-duration.ts';
import type { TimedEvent } from '../policy/timed-events.ts';
import { type TimedUnit, timescaleOf } from '../policy/timed-unit.ts';
import { IFrames } from './i-frames.ts';
import type { MeasuredBitrate } from './measured-bitrate.ts';
import { discontinuitiesBefore } from '../stores/kept/mended-windows.ts';
import type { KeptSegment } from '../stores/kept/segment-file.ts';
import { PartMemory } from '../stores/part-memory.ts';
import { PartInMemory, partLength, SegmentWindow, type SegmentWindowLimits } from '../stores/segment-window.ts';

/** How a segment is encrypted; `undefined` as long as there is no key. */
export type ProtectionAt = (msn: number) => SampleProtection | undefined;

const noBytes = new Uint8Array(0);

/** The initialisation segments of a rendition, as they are kept for a restart. */
export interface RenditionInits {
  /** Of the newest segment. */
  readonly initIndex: number;
  /** Those that something in the window needs, by index. */
  readonly inits: ReadonlyMap<number, Uint8Array>;
  /** What they were written of, by index. */
  readonly configs: ReadonlyMap<number, CmafTrackConfig>;
}

/** What a rendition goes on with after a restart. */
export interface RenditionBefore extends RenditionInits {
  readonly segments: readonly KeptSegment[];
}

/** One rendition of a live stream: its initialisation segments, and the window of its segments and parts. */
export class Rendition {
  /** Stands in its paths. */
  readonly name: string;
  readonly kind: CmafTrackConfig['kind'];
  readonly window: SegmentWindow;
  /** Of pictures. */
  readonly iFrames: IFrames | undefined;
  readonly #targets: PlaylistTargets;
  readonly #programDateTimeAt: (mediaSeconds: number) => string;
  readonly #inits = new Map<number, Uint8Array>();
  /** What the initialisation segments were written of. */
  readonly #configs = new Map<number, CmafTrackConfig>();
  readonly #protectionAt: ProtectionAt | undefined;
  /** What the newest initialisation segment says. */
  #protection: SampleProtection | undefined;
  #initIndex = -1;
  #config: CmafTrackConfig;
  #sequenceNumber = 0;
  /** Access units in the segments that are listed, by sequence number. */
  readonly #unitCounts = new Map<number, number>();
  readonly #memory = new PartMemory();

  constructor(
    name: string,
    config: CmafTrackConfig,
    targets: PlaylistTargets,
    limits: SegmentWindowLimits,
    programDateTimeAt: (mediaSeconds: number) => string,
    before?: RenditionBefore,
    protectionAt?: ProtectionAt,
  ) {
    this.#protectionAt = protectionAt;
    this.name = name;
    this.kind = config.kind;
    this.window = new SegmentWindow(limits);
    this.iFrames = config.kind === 'video' ? new IFrames(targets, programDateTimeAt) : undefined;
    this.#targets = targets;
    this.#programDateTimeAt = programDateTimeAt;
    this.#config = config;
    this.#protection = protectionAt?.(Infinity);
    if (before === undefined) this.#addInit(config);
    else this.#restore(before);
  }

  /** What a restart has to know besides the segments. */
  get initState(): RenditionInits {
    return { initIndex: this.#initIndex, inits: this.#inits, configs: this.#configs };
  }

  /** The segment that was completed last, for a restart. */
  get lastSegment(): KeptSegment | undefined {
    const segment = this.window.segments.at(-1);
    return (
      segment && {
        segment,
        discontinuities: this.window.discontinuities,
        unitCount: this.#unitCounts.get(segment.msn) ?? 0,
        sequenceNumber: this.#sequenceNumber,
        iFrames: this.iFrames?.count ?? 0,
      }
    );
  }

  /**
   * The parts of segment `msn` from an index on, as a segment of their own, for a restart; `undefined` when there are none,
   * or the segment is not open.
   */
  openParts(msn: number, from: number): KeptSegment | undefined {
    const { open, discontinuities } = this.window;
    if (open?.head.msn !== msn || open.parts.length <= from) return undefined;
    const parts = open.parts.slice(from);
    return {
      segment: {
        ...open.head,
        durationSeconds: parts.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0),
        parts,
        byteLength: parts.reduce((sum, part) => sum + partLength(part), 0),
        gap: false,
      },
      discontinuities: discontinuities + (open.head.discontinuity ? 1 : 0),
      unitCount: this.#unitCounts.get(open.head.msn) ?? 0,
      sequenceNumber: this.#sequenceNumber,
      iFrames: this.iFrames?.count ?? 0,
    };
  }

  /** The codec configuration of the newest segment. */
  get config(): CmafTrackConfig {
    return this.#config;
  }

  /** That of an initialisation segment of something in the window. */
  configOf(initIndex: number): CmafTrackConfig | undefined {
    return this.#configs.get(initIndex);
  }

  init(index: number): Uint8Array | undefined {
    return this.#inits.get(index);
  }

  startSegment(config: CmafTrackConfig, start: SegmentStart): void {
    this.#begin(start);
    this.#setProtection(start.msn);
    this.#setConfig(config);
    const { msn, startTicks, independent, discontinuity } = start;
    const head = { ...this.#head(msn, startTicks / timescaleOf(config)), independent, discontinuity };
    this.window.startSegment(head);
    this.iFrames?.startSegment(head);
  }

  /** `events` belong to it, in the order of their times. */
  addPart({ units, startTicks, durationTicks, independent }: CutPart, events: readonly TimedEvent[] = []): void {
    const durationSeconds = durationTicks / timescaleOf(this.#config);
    // Without a key there is nothing that may be sent.
    if (units.length === 0 || (this.#protectionAt !== undefined && this.#protection === undefined)) {
      this.window.addPart({ bytes: noBytes, durationSeconds, independent, gap: true });
      this.iFrames?.addPart({ byteLength: 0, start: 0, firstSampleEnd: 0, durationSeconds, independent: false });
      return;
    }
    const messages = this.#eventMessages(events, startTicks);
    const part = planMediaPart({
      sequenceNumber: ++this.#sequenceNumber,
      baseMediaDecodeTimeTicks: startTicks,
      samples: units,
      ...this.#protected(units),
    });
    const start = messages.reduce((sum, { length }) => sum + length, 0);
    const byteLength = start + part.byteLength;
    const memory = this.#memory.part(byteLength, (bytes) => {
      let at = 0;
      for (const message of messages) {
        bytes.set(message, at);
        at += message.length;
      }
      part.write(bytes.subarray(start));
    });
    const { msn } = this.window.nextPart;
    this.#unitCounts.set(msn, (this.#unitCounts.get(msn) ?? 0) + units.length);
    this.window.addPart(new PartInMemory(memory, durationSeconds, independent));
    const behindFirst = units.slice(1).reduce((sum, { data }) => sum + data.length, 0);
    const firstSampleEnd = byteLength - behindFirst;
    this.iFrames?.addPart({ byteLength, start, firstSampleEnd, durationSeconds, independent });
  }

  endSegment(durationTicks: number): void {
    this.window.endSegment(durationTicks / timescaleOf(this.#config));
    this.iFrames?.endSegment();
    this.#forget();
  }

  addGap(config: CmafTrackConfig, gap: CutGap): void {
    this.#begin(gap);
    this.#setConfig(config);
    const head = this.#head(gap.msn, gap.startTicks / timescaleOf(config));
    const durationSeconds = gap.durationTicks / timescaleOf(config);
    // A gap depends on nothing.
    this.window.addGap({ ...head, independent: true, discontinuity: gap.discontinuity }, durationSeconds);
    this.iFrames?.addGap(gap.discontinuity, head.startSeconds + durationSeconds);
    this.#forget();
  }

  /** Over the listed segments; the peak over those of a length that says something (rfc8216bis §4.4.6.2). */
  bitrate(): MeasuredBitrate {
    const segments = this.window.segments.filter(({ gap }) => !gap);
    const long = segments.filter(({ durationSeconds }) => durationSeconds >= this.#targets.targetDurationSeconds / 2);
    const bitsPerSecond = (byteLength: number, seconds: number) => (seconds > 0 ? (byteLength * 8) / seconds : 0);
    const byteLength = segments.reduce((sum, segment) => sum + segment.byteLength, 0);
    const seconds = segments.reduce((sum, segment) => sum + segment.durationSeconds, 0);
    const average = bitsPerSecond(byteLength, seconds);
    const peaks = long.map((segment) => bitsPerSecond(segment.byteLength, segment.durationSeconds));
    return { average, peak: Math.max(average, ...peaks) };
  }

  /** Access units a second over the listed segments; `undefined` before the first. */
  unitsPerSecond(): number | undefined {
    let units = 0;
    let seconds = 0;
    for (const segment of this.window.segments) {
      if (segment.gap) continue;
      units += this.#unitCounts.get(segment.msn) ?? 0;
      seconds += segment.durationSeconds;
    }
    return seconds > 0 ? units / seconds : undefined;
  }

  #restore({ segments, initIndex, inits, configs }: RenditionBefore): void {
    const [first] = segments;
    if (first === undefined) return;
    this.window.restore(
      segments.map(({ segment }) => segment),
      discontinuitiesBefore(first),
    );
    this.#sequenceNumber = segments.at(-1)?.sequenceNumber ?? 0;
    for (const { segment, unitCount } of segments) this.#unitCounts.set(segment.msn, unitCount);
    this.#initIndex = initIndex;
    for (const [index, bytes] of inits) this.#inits.set(index, bytes);
    for (const [index, config] of configs) this.#configs.set(index, config);
    this.#configs.set(initIndex, this.#config);
    this.#protection = this.#protectionAt?.(segments.at(-1)?.segment.msn ?? 0);
    this.iFrames?.resume(segments.at(-1)?.iFrames ?? 0, this.window.discontinuities);
    this.#forget();
  }

  /** One that comes late happens where the part begins. */
  #eventMessages(events: readonly TimedEvent[], startTicks: number): Uint8Array[] {
    const timescale = timescaleOf(this.#config);
    return events.map(({ id, seconds, data }) => {
      const presentationTimeTicks = Math.max(Math.round(seconds * timescale), startTicks);
      return eventMessage({ scheme: id3EventScheme, timescale, presentationTimeTicks, id, data });
    });
  }

  /** One that begins late says what the others say: players tell by it which discontinuity is which (rfc8216bis §6.2.1). */
  #begin({ discontinuitySequence }: SegmentStart | CutGap): void {
    if (this.window.oldestMsn !== undefined) return;
    this.window.begin(discontinuitySequence);
    this.iFrames?.begin(discontinuitySequence);
  }

  #head(msn: number, startSeconds: number) {
    return {
      msn,
      startSeconds,
      programDateTime: this.#programDateTimeAt(startSeconds),
      initIndex: this.#initIndex,
    };
  }

  /** Another key needs an initialisation segment of its own, which names it. */
  #setProtection(msn: number): void {
    const protection = this.#protectionAt?.(msn);
    if (protection === this.#protection) return;
    this.#protection = protection;
    this.#addInit(this.#config);
  }

  #protected(units: readonly TimedUnit[]): Pick<MediaPart, 'protectedSamples'> {
    const protection = this.#protection;
    if (protection === undefined) return {};
    return { protectedSamples: units.map(({ data }) => protectSample(data, this.#config, protection)) };
  }

  #setConfig(config: CmafTrackConfig): void {
    if (config === this.#config) return;
    const isSame = sameTrackConfig(this.#config, config);
    this.#config = config;
    if (!isSame) this.#addInit(config);
  }

  #addInit(config: CmafTrackConfig): void {
    this.#initIndex++;
    this.#inits.set(this.#initIndex, initSegment(config, timescaleOf(config), this.#protection));
    this.#configs.set(this.#initIndex, config);
  }

  #forget(): void {
    const oldestInit = this.window.oldestInitIndex ?? 0;
    for (const index of this.#inits.keys()) {
      if (index < oldestInit) this.#inits.delete(index);
    }
    for (const index of this.#configs.keys()) {
      if (index < oldestInit) this.#configs.delete(index);
    }
    const firstMsn = this.window.segments[0]?.msn ?? 0;
    this.iFrames?.leave(firstMsn);
    for (const msn of this.#unitCounts.keys()) {
      if (msn < firstMsn) this.#unitCounts.delete(msn);
    }
  }
}
