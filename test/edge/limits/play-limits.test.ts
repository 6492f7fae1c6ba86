import { describe, expect, it } from 'vitest';
import { Attendance } from '../../../src/edge/limits/attendance.ts';
import { edgeLimitsSchema, viewerLimitsField } from '../../../src/edge/limits/limit-settings.ts';
import { PlayLimits } from '../../../src/edge/limits/play-limits.ts';
import { RunningPlays } from '../../../src/edge/limits/running-plays.ts';
import { compileViewerLimits } from '../../../src/edge/limits/viewer-limits.ts';
import type { LiveAdmission, PlayRequest, RunningPlay } from '../../../src/live/play-gate.ts';
import { Revocations } from '../../../src/policy/limits/revocations.ts';
import { Viewings } from '../../../src/policy/limits/viewings.ts';
import { LiveStream } from '../../../src/live/live-stream.ts';
import { eventually } from '../../support/condition.ts';
import { LiveHouse } from '../../support/live-relay.ts';
import { LogRecorder } from '../../support/log-recorder.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** Limits as an edge has them, without the edge. */
function limitsOf(settings: object) {
  const clock = new VirtualClock();
  const log = new LogRecorder();
  const viewings = new Viewings(30_000, () => 'id');
  const edgeLimits = edgeLimitsSchema.parse({ exempt: [] });
  const attendance = new Attendance({ settings: edgeLimits, revocations: new Revocations(), viewings, clock, log });
  const running = new RunningPlays(attendance, clock);
  const limits = compileViewerLimits(viewerLimitsField.parse(settings), 'live', { clock, log });
  const asked = { limits, path: 'live/stage' };
  return { clock, attendance, running, play: new PlayLimits(attendance, running), limits, asked };
}

const request = (peerAddress: string): PlayRequest => ({
  app: 'live',
  tcUrl: undefined,
  streamName: 'stage',
  peerAddress,
  peerPort: 1,
  protocol: 'rtmp',
  clientName: undefined,
});

describe('PlayLimits', () => {
  it('count players by address until they are released, and take requests from them', () => {
    const { play, asked, limits, attendance } = limitsOf({
      perAddress: { sessions: 1, requestsPerSecond: 1, burst: 2 },
    });
    const first = play.enter(asked, request('192.0.2.1'), undefined);
    expect(play.enter(asked, request('::ffff:192.0.2.1'), undefined)).toMatchObject({
      kind: 'refused',
      statusCode: 'NetStream.Play.Failed',
      code: 'LIMIT_SESSIONS_PER_ADDRESS',
      retryAfterSeconds: 30,
    });
    expect(play.enter(asked, request('192.0.2.2'), undefined).kind).toBe('entered');
    if (first.kind === 'entered') first.leave();
    expect(play.enter(asked, request('192.0.2.1'), undefined).kind).toBe('entered');
    const refusals = [1, 2, 3].map(() => play.refuses(limits, request('192.0.2.1'))?.code);
    expect(refusals).toEqual([undefined, undefined, 'LIMIT_REQUESTS_PER_ADDRESS']);
    expect(attendance.refused).toEqual({ LIMIT_SESSIONS_PER_ADDRESS: 1, LIMIT_REQUESTS_PER_ADDRESS: 1 });
  });

  it('end the player that came last of an address that is ten seconds ahead of its bandwidth', () => {
    const { play, asked, clock } = limitsOf({ perAddress: { bandwidth: '800kbps' } });
    const ended: string[] = [];
    const sent = { first: 0, second: 0, other: 0 };
    const start = (name: keyof typeof sent, address: string) => {
      const entered = play.enter(asked, request(address), undefined);
      if (entered.kind === 'refused') throw new Error(entered.code);
      let released = false;
      const stream = new LiveStream('live/stage');
      const admission: LiveAdmission = { kind: 'live', path: 'live/stage', stream, release: () => (released = true) };
      const watched = entered.watched(admission);
      const running: RunningPlay = {
        sentBytes: () => sent[name],
        end: (error) => {
          ended.push(`${name} ${error.code}`);
          watched.release();
        },
      };
      watched.attach?.(running);
      return () => released;
    };
    const isReleased = start('first', '192.0.2.1');
    start('second', '192.0.2.1');
    start('other', '192.0.2.2');
    // Twice as much as there is for one address, half of it for the other one.
    for (let second = 0; second < 18; second++) {
      for (const name of ['first', 'second', 'other'] as const) sent[name] += 100_000;
      clock.advance(1_000);
    }
    expect(ended).toEqual([]);
    for (let second = 0; second < 3; second++) {
      for (const name of ['first', 'second', 'other'] as const) sent[name] += 100_000;
      clock.advance(1_000);
    }
    expect(ended).toEqual(['second PLAY_OVER_BANDWIDTH']);
    expect(isReleased()).toBe(false);
    for (let second = 0; second < 60; second++) {
      sent.first += 90_000;
      clock.advance(1_000);
    }
    expect(ended).toHaveLength(1);
  });

  it('end who is sent away while it is being admitted, as soon as it has begun', () => {
    const { play, asked, running, clock } = limitsOf({});
    const entered = play.enter(asked, request('192.0.2.1'), undefined);
    expect(running.endThoseOf(({ address }) => address === '192.0.2.1')).toBe(1);
    const ended: unknown[] = [];
    if (entered.kind === 'entered') {
      const admission = { kind: 'live', path: 'a/b', stream: new LiveStream('a/b'), release: () => {} } as const;
      const watched: LiveAdmission = entered.watched<LiveAdmission>(admission);
      watched.attach?.({ sentBytes: () => 0, end: (error) => ended.push(error.message) });
      watched.release();
    }
    expect(ended).toEqual(['ACCESS_REVOKED: access was revoked']);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('limits of players', () => {
  it('are told over RTMP, and as 429 over HTTP-FLV', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin();
    const streaming = [{ name: 'live', limits: { perAddress: { sessions: 1 } } }];
    const edge = await house.edge([origin.rtmpPort], {}, { limits: { exempt: [] }, streaming });
    await house.publish(origin.rtmpPort, 'stage').started();
    const viewer = await house.viewer(edge.rtmpPort, 'stage');
    await viewer.getsFrames(1);
    const second = await house.viewer(edge.rtmpPort, 'stage');
    const told = await eventually('a refusal', () =>
      second.connection.statuses().find(({ level }) => level === 'error'),
    );
    expect([told.code, told.description]).toEqual(['NetStream.Play.Failed', 'Too many streams at once']);
    const overHttp = await fetch(`http://127.0.0.1:${edge.httpPort}/live/stage.flv`);
    expect([overHttp.status, overHttp.headers.get('retry-after')]).toEqual([429, '30']);
    viewer.leave();
    const place = await eventually('a place', async () => {
      const answer = await fetch(`http://127.0.0.1:${edge.httpPort}/live/stage.flv`);
      if (answer.status === 200) return answer;
      await answer.arrayBuffer();
      return undefined;
    });
    await place.body?.cancel();
    expect(edge.stats().live.refused['LIMIT_SESSIONS_PER_ADDRESS']).toBeGreaterThanOrEqual(2);
  });
});
