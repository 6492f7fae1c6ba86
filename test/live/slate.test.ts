import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { LiveStream } from '../../src/live/live-stream.ts';
import { type SlateClip, SlatePlayer } from '../../src/live/slate.ts';
import { StreamDirectory } from '../../src/live/stream-directory.ts';
import type { PublisherRole } from '../../src/policy/publish-credentials.ts';
import { grantedLease } from '../support/granted-lease.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { audioConfig, videoConfig } from '../support/synthetic-units.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Two pictures a second, every other one a keyframe, for ever. */
const clip: SlateClip = {
  trackConfigs: [videoConfig],
  at: (index) => ({ decodeMs: index * 500, unit: video(index * 500, index % 2 === 0) }),
};

function video(timestampMs: number, keyframe: boolean): AccessUnit {
  return { kind: 'video', trackId: 0, timestampMs, keyframe, compositionOffsetMs: 0, data: new Uint8Array(8) };
}

function audio(timestampMs: number): AccessUnit {
  return { kind: 'audio', trackId: 0, timestampMs, data: new Uint8Array(8) };
}

function setUp({ reconnectGraceMs = 60_000, afterMs = 1_000 } = {}) {
  const clock = new VirtualClock();
  const directory = new StreamDirectory({
    clock,
    reconnectGraceMs,
    maxStreams: 10,
    backup: { takeOverAfterMs: 1_000, handBack: true, handBackAfterMs: 5_000 },
    slateOf: (path) => (path === 'live/a' ? { clip, afterMs, stallMs: 5_000 } : undefined),
    log: new LogRecorder(),
  });
  const events: string[] = [];
  directory.onStream((stream) =>
    stream.subscribe({
      onPublisherStart: () => events.push(`start ${stream.publication?.peer}`),
      onTrackConfig: ({ kind }) => events.push(`config ${kind}`),
      onAccessUnit: (unit) =>
        events.push(`${unit.kind === 'video' && unit.keyframe ? 'key' : unit.kind} ${unit.timestampMs}`),
      onColorInfo: () => {},
      onData: ({ name }) => events.push(name),
      onPublisherStop: () => events.push('stop'),
      onEnd: () => events.push('end'),
    }),
  );
  const publish = (peer: string, role: PublisherRole = 'primary', path = 'live/a') =>
    grantedLease(directory, { path, role, credential: 'key 1', peer, startedWallMs: clock.wallMs() });
  /** Publishes, sends one picture, and leaves. */
  const visit = (path?: string) => {
    const lease = publish('first', 'primary', path);
    lease.setTrackConfig(videoConfig);
    lease.push(video(0, true));
    lease.release();
  };
  const seen = () => events.splice(0);
  const states = () => directory.publishersOf('live/a').map(({ role, state }) => `${role} ${state}`);
  return { clock, directory, publish, visit, seen, states };
}

describe('StreamDirectory with a slate', () => {
  it('plays it once nobody has published for `after`, at the pace of the clock, from its beginning', () => {
    const { clock, visit, seen, states } = setUp();
    visit();
    seen();
    clock.advance(999);
    expect(seen()).toEqual([]);
    expect(states()).toEqual([]);
    clock.advance(1);
    expect(seen()).toEqual(['start slate', 'config video', 'key 0']);
    expect(states()).toEqual(['slate active']);
    clock.advance(1_499);
    expect(seen()).toEqual(['video 500', 'key 1000']);
    clock.advance(1);
    expect(seen()).toEqual(['video 1500']);
  });

  it('makes way for a publisher with its first keyframe, not before', () => {
    const { clock, publish, visit, seen, states } = setUp();
    visit();
    clock.advance(2_000);
    seen();
    const lease = publish('second');
    lease.setTrackConfig(videoConfig);
    lease.setTrackConfig(audioConfig);
    lease.push(audio(70));
    lease.push(video(80, false));
    clock.advance(500);
    expect(seen()).toEqual(['video 1500']);
    expect(states()).toEqual(['slate active', 'primary standby']);
    lease.push(video(120, true));
    lease.push(audio(125));
    expect(seen()).toEqual(['stop', 'start second', 'config video', 'config audio', 'key 120', 'audio 125']);
    expect(states()).toEqual(['primary active']);
    clock.advance(4_900);
    expect(seen()).toEqual([]);
  });

  it('makes way for a publisher of sound alone with the first that it sends', () => {
    const { clock, publish, visit, seen } = setUp();
    visit();
    clock.advance(1_100);
    seen();
    const lease = publish('second');
    lease.setTrackConfig(audioConfig);
    lease.push(audio(10));
    lease.push(audio(31));
    expect(seen()).toEqual(['stop', 'start second', 'config audio', 'audio 31']);
  });

  it('does not play when a publisher is back within `after`', () => {
    const { clock, publish, visit, seen } = setUp();
    visit();
    clock.advance(900);
    const lease = publish('second');
    seen();
    clock.advance(4_900);
    expect(seen()).toEqual([]);
    lease.release();
    expect(seen()).toEqual(['stop']);
    clock.advance(1_000);
    expect(seen()).toContain('start slate');
  });

  it('never plays before anything has been published', () => {
    const { clock, publish, seen, states } = setUp();
    publish('first').release();
    seen();
    clock.advance(30_000);
    expect(seen()).toEqual([]);
    expect(states()).toEqual([]);
  });

  it('plays in a stream from before a restart', () => {
    const { clock, directory, seen } = setUp();
    directory.revive('live/a');
    clock.advance(1_000);
    expect(seen()).toEqual(['start slate', 'config video', 'key 0']);
  });

  it('ends with the stream, the grace after its publisher has left, and leaves no timer', () => {
    const { clock, directory, visit, seen } = setUp({ reconnectGraceMs: 3_000 });
    visit();
    clock.advance(2_999);
    seen();
    clock.advance(1);
    expect(seen()).toEqual(['stop', 'end']);
    expect(directory.get('live/a')).toBeUndefined();
    expect(clock.pendingTimers).toBe(0);
  });

  it('plays on while a publisher comes and leaves without a keyframe; the grace runs from then', () => {
    const { clock, publish, visit, seen } = setUp({ reconnectGraceMs: 3_000 });
    visit();
    clock.advance(2_000);
    const lease = publish('second');
    clock.advance(10_000);
    lease.setTrackConfig(videoConfig);
    lease.push(video(0, false));
    lease.release();
    expect(seen()).not.toContain('start second');
    clock.advance(2_999);
    expect(seen().at(-1)).toMatch(/^(key|video)/);
    clock.advance(1);
    expect(seen()).toEqual(['stop', 'end']);
  });

  it('plays for a publisher that stalls, and makes way for its next keyframe', () => {
    const { clock, publish, seen, states } = setUp();
    const lease = publish('first');
    lease.setTrackConfig(videoConfig);
    lease.push(video(0, true));
    clock.advance(3_000);
    lease.push(video(3_000, false));
    seen();
    clock.advance(4_999);
    expect(seen()).toEqual([]);
    clock.advance(1);
    expect(seen()).toEqual(['stop', 'start slate', 'config video', 'key 0']);
    expect(states()).toEqual(['slate active', 'primary standby']);
    lease.push(video(8_000, false));
    expect(seen()).toEqual([]);
    clock.advance(600);
    expect(seen()).toEqual(['video 500']);
    lease.push(video(8_040, true));
    expect(seen()).toEqual(['stop', 'start first', 'config video', 'key 8040']);
    expect(states()).toEqual(['primary active']);
  });

  it('makes way for what is new of a publisher that sends at once what it has missed', () => {
    const { clock, publish, seen } = setUp();
    const lease = publish('first');
    lease.setTrackConfig(videoConfig);
    lease.push(video(0, true));
    clock.advance(10_000);
    seen();
    for (let ms = 500; ms <= 10_500; ms += 500) lease.push(video(ms, ms % 2_000 === 0));
    clock.advance(499);
    expect(seen()).toEqual([]);
    clock.advance(1);
    expect(seen()).toEqual(['video 5500', 'stop', 'start first', 'config video', 'key 10000', 'video 10500']);
    lease.push(video(11_000, false));
    expect(seen()).toEqual(['video 11000']);
    lease.release();
    clock.advance(60_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not play for a publisher that has never sent anything', () => {
    const { clock, publish, seen } = setUp();
    publish('first').setTrackConfig(videoConfig);
    seen();
    clock.advance(30_000);
    expect(seen()).toEqual([]);
  });

  it('plays when both publishers have stalled, and ends the grace after the last of them has left', () => {
    const { clock, publish, seen, states } = setUp({ reconnectGraceMs: 3_000 });
    const primary = publish('primary');
    const backup = publish('backup', 'backup');
    for (const lease of [primary, backup]) {
      lease.setTrackConfig(videoConfig);
      lease.push(video(0, true));
    }
    clock.advance(4_900);
    expect(states()).toEqual(['primary active', 'backup standby']);
    clock.advance(200);
    expect(states()).toEqual(['slate active', 'primary standby', 'backup standby']);
    primary.release();
    clock.advance(10_000);
    backup.release();
    seen();
    clock.advance(3_000);
    expect(seen().slice(-2)).toEqual(['stop', 'end']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('goes below the backup: one that stands by takes over from the primary without it', () => {
    const { clock, publish, seen, states } = setUp();
    const primary = publish('primary');
    const backup = publish('backup', 'backup');
    for (const lease of [primary, backup]) {
      lease.setTrackConfig(videoConfig);
      lease.push(video(0, true));
    }
    primary.release();
    clock.advance(4_900);
    expect(seen()).not.toContain('start slate');
    backup.release();
    clock.advance(1_000);
    expect(states()).toEqual(['slate active']);
  });

  it('gives the air to whichever of two publishers has a keyframe first', () => {
    const { clock, publish, visit, seen, states } = setUp();
    visit();
    clock.advance(1_500);
    const primary = publish('primary');
    const backup = publish('backup', 'backup');
    for (const lease of [primary, backup]) lease.setTrackConfig(videoConfig);
    seen();
    backup.push(video(0, true));
    primary.push(video(0, true));
    expect(seen()).toEqual(['stop', 'start backup', 'config video', 'key 0']);
    expect(states()).toEqual(['backup active', 'primary standby']);
  });

  it('plays only where there is one', () => {
    const { clock, visit, seen } = setUp();
    visit('live/b');
    seen();
    clock.advance(30_000);
    expect(seen()).toEqual([]);
  });

  it('stops when the directory closes', () => {
    const { clock, directory, visit, seen } = setUp();
    visit();
    clock.advance(1_500);
    seen();
    directory.close();
    expect(seen()).toEqual(['stop', 'end']);
    expect(clock.pendingTimers).toBe(0);
  });
});

/** A clock whose timers come late, as on a machine that has slept. */
class SleepingClock extends VirtualClock {
  #sleptMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.#sleptMs;
  }

  override wallMs(): number {
    return super.wallMs() + this.#sleptMs;
  }

  sleep(ms: number): void {
    this.#sleptMs += ms;
  }
}

describe('SlatePlayer', () => {
  it('catches up after a moment, and begins anew after a sleep, so that dates stay right', () => {
    const clock = new SleepingClock();
    const stream = new LiveStream('live/a');
    const events: string[] = [];
    stream.subscribe({
      onPublisherStart: () => events.push('start'),
      onTrackConfig: () => {},
      onAccessUnit: ({ timestampMs }) => events.push(String(timestampMs)),
      onColorInfo: () => {},
      onData: () => {},
      onPublisherStop: () => events.push('stop'),
      onEnd: () => {},
    });
    const player = new SlatePlayer({
      stream,
      slate: { clip, afterMs: 0, stallMs: 5_000 },
      clock,
      log: new LogRecorder(),
    });
    player.schedule();
    clock.advance(600);
    expect(events.splice(0)).toEqual(['start', '0', '500']);
    clock.sleep(1_000);
    clock.advance(400);
    expect(events.splice(0)).toEqual(['1000', '1500', '2000']);
    clock.sleep(3_600_000);
    clock.advance(500);
    expect(events.splice(0)).toEqual(['stop', 'start', '0']);
    player.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
