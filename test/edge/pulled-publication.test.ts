import { beforeEach, describe, expect, it } from 'vitest';
import { withOwnData } from '../../src/base/own-copies.ts';
import { PulledPublication } from '../../src/edge/pulled-publication.ts';
import { amf0Object } from '../../src/formats/amf0/value.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import { LiveStream } from '../../src/live/live-stream.ts';
import { aac, audioUnit, avc, videoUnit } from '../rtmp/sample-media.ts';

const metadata = { name: 'onMetaData', values: [amf0Object({ width: 320 })], timestampMs: 0 };
let stream: LiveStream;
/** What viewers get: units by what they are and when, all else by name. */
let seen: string[];

beforeEach(() => {
  stream = new LiveStream('live/test');
  seen = [];
  stream.subscribe({
    onPublisherStart: () => seen.push('start'),
    onTrackConfig: (config) => seen.push(config.codec),
    onColorInfo: () => {},
    onAccessUnit: (unit) => seen.push(nameOf(unit)),
    onData: ({ name, timestampMs }) => seen.push(`${name} ${timestampMs}`),
    onPublisherStop: () => seen.push('stop'),
    onEnd: () => {},
  });
});

function nameOf({ kind, timestampMs, data }: AccessUnit): string {
  const number = new DataView(data.buffer, data.byteOffset).getUint32(kind === 'video' ? 5 : 0);
  return `${kind} ${number} at ${timestampMs}`;
}

function pull(units: readonly AccessUnit[], configs: readonly TrackConfig[] = [avc, aac]): PulledPublication {
  const publication = new PulledPublication(stream, () =>
    stream.startPublication({ peer: 'origin', encoder: undefined, startedWallMs: 0 }),
  );
  publication.pushData(metadata);
  for (const config of configs) publication.setTrackConfig(config);
  for (const unit of units) {
    const lent = withOwnData(unit);
    publication.push(lent);
    lent.data.fill(0xdb);
  }
  return publication;
}

/** Pictures and sound of these numbers, as an origin whose clock is `offsetMs` off gives them. */
function units(from: number, to: number, offsetMs = 0): AccessUnit[] {
  const numbers = Array.from({ length: to - from }, (_, index) => from + index);
  return numbers.flatMap((number) => [
    videoUnit(number, number * 40 + offsetMs),
    audioUnit(number, number * 40 + offsetMs),
  ]);
}

const named = (from: number, to: number) => units(from, to).map(nameOf);

describe('PulledPublication, after an interruption,', () => {
  it('goes on behind what viewers have had, on their time, whatever time the origin counts', () => {
    pull(units(25, 40)).interrupted();
    const before = seen.splice(0);
    expect(before).toEqual(['start', 'onMetaData 0', 'avc', 'aac', ...named(25, 40)]);
    const again = pull(units(25, 45, 0xffff_f000));
    again.pushData({ name: 'onCuePoint', values: [], timestampMs: 44 * 40 + 0xffff_f000 - 2 ** 32 });
    expect(seen).toEqual(['onMetaData 0', ...named(40, 45), `onCuePoint ${44 * 40}`]);
  });

  it('goes on when the pull before it was itself interrupted while it was compared', () => {
    pull(units(25, 40)).interrupted();
    pull(units(25, 30)).interrupted();
    seen.splice(0);
    pull(units(25, 41));
    expect(seen).toEqual(['onMetaData 0', ...named(40, 41)]);
  });

  it('begins anew, with all that came, when another GOP comes, or the same one with another sound', () => {
    pull(units(25, 40)).interrupted();
    seen.splice(0);
    pull(units(50, 52));
    expect(seen).toEqual(['start', 'onMetaData 0', 'avc', 'aac', ...named(50, 52)]);

    const [video, , ...others] = units(50, 53);
    if (video === undefined) throw new Error('there are units');
    seen.splice(0);
    const other = [video, audioUnit(77, 2_000), ...others];
    pull(other);
    expect(seen).toEqual(['start', 'onMetaData 0', 'avc', 'aac', ...other.map(nameOf)]);
  });

  it('begins anew when a configuration has changed or a track is new', () => {
    pull(units(25, 30), [avc]).interrupted();
    seen.splice(0);
    pull(units(25, 30), [avc, aac]);
    expect(seen.slice(0, 3)).toEqual(['start', 'onMetaData 0', 'avc']);
  });

  it('begins anew when the publication before it was over, or without a keyframe to compare', () => {
    pull(units(25, 30)).release();
    pull(units(25, 30));
    expect(seen.filter((what) => what === 'start')).toHaveLength(2);
    expect(seen.filter((what) => what === 'stop')).toHaveLength(1);

    pull([audioUnit(1)], [aac]).interrupted();
    pull([audioUnit(1)], [aac]).interrupted();
    expect(seen.filter((what) => what === 'start')).toHaveLength(4);
  });

  it('stops the publication that was left standing when the origin says that it is over', () => {
    pull(units(25, 40)).interrupted();
    seen.splice(0);
    pull(units(25, 30)).release();
    expect(seen).toEqual(['stop']);
  });

  it('keeps back no more than a thousand data messages beside the pictures', () => {
    pull(units(25, 40)).interrupted();
    seen.splice(0);
    const again = pull([]);
    for (let number = 0; number < 1_100; number++) again.pushData({ ...metadata, name: 'onTextData' });
    expect(seen[0]).toBe('start');
  });
});
