import { describe, expect, it } from 'vitest';
import type { AacTrackConfig } from '../../src/formats/media/track.ts';
import type { LiveStream, StreamSubscriber } from '../../src/live/live-stream.ts';
import type { PublicationLease } from '../../src/live/publication-lease.ts';
import { StreamDirectory } from '../../src/live/stream-directory.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const aac: AacTrackConfig = {
  kind: 'audio',
  codec: 'aac',
  trackId: 0,
  codecString: 'mp4a.40.2',
  description: new Uint8Array([0x12, 0x10]),
  sampleRate: 44_100,
  channels: 2,
  samplesPerFrame: 1_024,
};

function recorder(events: string[]): StreamSubscriber {
  return {
    onPublisherStart: () => events.push('start'),
    onTrackConfig: (config) => events.push(`config ${config.kind}`),
    onAccessUnit: (unit) => events.push(`${unit.kind} ${unit.timestampMs}`),
    onColorInfo: (trackId, colorInfo) => events.push(`colours of ${trackId} ${colorInfo?.colorConfig?.bitDepth}`),
    onData: ({ name, timestampMs }) => events.push(`${name} ${timestampMs}`),
    onPublisherStop: () => events.push('stop'),
    onEnd: () => events.push('end'),
  };
}

function setUp({ reconnectGraceMs = 60_000, maxStreams = 10 } = {}) {
  const clock = new VirtualClock();
  const directory = new StreamDirectory({
    clock,
    reconnectGraceMs,
    maxStreams,
    backup: { takeOverAfterMs: 1_000, handBack: true, handBackAfterMs: 5_000 },
    log: new LogRecorder(),
  });
  const takenOver: string[] = [];
  const offer = (path: string, peer: string, credential?: string) =>
    directory.publish({
      path,
      role: 'primary',
      publication: { peer, encoder: undefined, startedWallMs: clock.wallMs() },
      credential,
      onTakenOver: () => takenOver.push(peer),
    });
  const granted = (path: string, peer: string, credential?: string): PublicationLease => {
    const outcome = offer(path, peer, credential);
    if (outcome.kind === 'refused') throw new Error(outcome.sentence);
    return outcome.lease;
  };
  return { clock, directory, takenOver, offer, granted };
}

const audioAt = (timestampMs: number) => ({ kind: 'audio', trackId: 0, timestampMs, data: new Uint8Array(4) }) as const;

describe('StreamDirectory', () => {
  it('tells of a new stream before its first publication, so that a subscriber misses nothing', () => {
    const { directory, granted } = setUp();
    const events: string[] = [];
    directory.onStream((stream) => {
      events.push(`stream ${stream.path}, publisher ${stream.publication?.peer ?? 'none'}`);
      stream.subscribe(recorder(events));
    });
    const lease = granted('live/a', 'first');
    lease.setTrackConfig(aac);
    lease.push(audioAt(0));
    expect(events).toEqual(['stream live/a, publisher none', 'start', 'config audio', 'audio 0']);
    expect(directory.get('live/a')).toBe(lease.stream);
    expect(directory.list()).toEqual([lease.stream]);
  });

  it('keeps a stream for the reconnect grace and goes on with it when its publisher returns in time', () => {
    const { clock, directory, granted } = setUp();
    const events: string[] = [];
    directory.onStream((stream) => stream.subscribe(recorder(events)));
    const first = granted('live/a', 'first');
    first.release();
    clock.advance(59_999);
    const second = granted('live/a', 'second');
    expect(second.stream).toBe(first.stream);
    clock.advance(1_000_000);
    expect(directory.get('live/a')).toBe(first.stream);
    expect(events).toEqual(['start', 'stop', 'start']);
  });

  it('ends a stream whose publisher did not return, and begins a new one for who comes later', () => {
    const { clock, directory, granted } = setUp();
    const events: string[] = [];
    directory.onStream((stream) => stream.subscribe(recorder(events)));
    const first = granted('live/a', 'first');
    first.release();
    clock.advance(60_000);
    expect(events).toEqual(['start', 'stop', 'end']);
    expect(first.stream.ended).toBe(true);
    expect(directory.get('live/a')).toBeUndefined();
    expect(granted('live/a', 'second').stream).not.toBe(first.stream);
  });

  it('without a grace ends a stream the moment its publisher leaves', () => {
    const { directory, granted } = setUp({ reconnectGraceMs: 0 });
    const lease = granted('live/a', 'first');
    lease.release();
    expect(lease.stream.ended).toBe(true);
    expect(directory.list()).toEqual([]);
  });

  it('lets the same credential take a stream over: the old connection is closed, followers see stop and start', () => {
    const { directory, takenOver, granted } = setUp();
    const events: string[] = [];
    directory.onStream((stream) => stream.subscribe(recorder(events)));
    const first = granted('live/a', 'first', 'key 1');
    first.setTrackConfig(aac);
    const second = granted('live/a', 'second', 'key 1');
    expect(takenOver).toEqual(['first']);
    expect(first.active).toBe(false);
    expect(second.stream).toBe(first.stream);
    expect(second.stream.publication?.peer).toBe('second');

    first.push(audioAt(1));
    first.setTrackConfig(aac);
    first.release();
    second.setTrackConfig(aac);
    second.push(audioAt(2));
    expect(events).toEqual(['start', 'config audio', 'stop', 'start', 'config audio', 'audio 2']);
    expect(second.stream.publication?.peer).toBe('second');
  });

  it.each([
    ['another credential', 'key 1', 'key 2'],
    ['no credential on either side', undefined, undefined],
    ['none on the side of the newcomer', 'key 1', undefined],
    ['none on the side of the publisher', undefined, 'key 1'],
  ])('refuses a second publisher with %s as busy', (_, held, offered) => {
    const { takenOver, granted, offer } = setUp();
    const first = granted('live/a', 'first', held);
    expect(offer('live/a', 'second', offered)).toMatchObject({ kind: 'refused', reason: 'busy' });
    expect(first.active).toBe(true);
    expect(takenOver).toEqual([]);
  });

  it('refuses a stream more than maxStreams, but not the return of one that is there', () => {
    const { granted, offer } = setUp({ maxStreams: 1 });
    granted('live/a', 'first').release();
    expect(offer('live/b', 'other')).toMatchObject({ kind: 'refused', reason: 'full' });
    expect(granted('live/a', 'first').active).toBe(true);
  });

  it('corrects the name of the encoder while it publishes', () => {
    const { granted } = setUp();
    const lease = granted('live/a', 'first');
    lease.nameEncoder('obs-output module');
    expect(lease.stream.publication).toMatchObject({ peer: 'first', encoder: 'obs-output module' });
    lease.release();
    lease.nameEncoder('late');
    expect(lease.stream.publication).toBeUndefined();
  });

  it('when closed ends every stream, leaves no timer and takes no further publisher', () => {
    const { clock, directory, granted, offer } = setUp();
    const ended: LiveStream[] = [granted('live/a', 'a').stream, granted('live/b', 'b').stream];
    const waiting = granted('live/c', 'c');
    waiting.release();
    directory.close();
    expect([...ended, waiting.stream].every((stream) => stream.ended)).toBe(true);
    expect(clock.pendingTimers).toBe(0);
    expect(offer('live/a', 'a')).toMatchObject({ kind: 'refused', reason: 'closed' });
  });
});
