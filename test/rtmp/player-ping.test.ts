import { beforeEach, describe, expect, it } from 'vitest';
import { ChunkDecoder } from '../../src/formats/rtmp/chunk-decoder.ts';
import { decodeControlMessage } from '../../src/formats/rtmp/control-message.ts';
import { PlayerPing } from '../../src/rtmp/player-ping.ts';
import { SessionOutput } from '../../src/rtmp/session-output.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { kept } from '../formats/rtmp/kept-messages.ts';

let clock: VirtualClock;
let failures: unknown[];
let written: Uint8Array[];
let ping: PlayerPing;

beforeEach(() => {
  clock = new VirtualClock();
  failures = [];
  written = [];
  const transport = {
    peerAddress: '192.0.2.1',
    peerPort: 1,
    queuedBytes: 0,
    write: (bytes: Uint8Array) => written.push(bytes) > 0,
    writeLent: () => true,
    onDrain: () => {},
    together: (action: () => void) => action(),
    end: () => {},
    destroy: () => {},
  };
  ping = new PlayerPing({ clock, output: new SessionOutput(transport, 10_000), fail: (error) => failures.push(error) });
});

function asked(): number {
  const decoder = new ChunkDecoder({ maxMessageBytes: 1_000, maxBufferedBytes: 1_000, maxChunkStreams: 4 });
  return written
    .flatMap((bytes) => kept(decoder.push(bytes)))
    .map((message) => decodeControlMessage(message))
    .filter((control) => control.kind === 'user-control' && control.event.kind === 'ping-request').length;
}

describe('PlayerPing', () => {
  it('asks every 30 s, and is content with a player that answers', () => {
    ping.start();
    ping.start();
    for (let round = 1; round <= 5; round++) {
      clock.advance(30_000);
      expect(asked()).toBe(round);
      ping.answered();
    }
    expect(failures).toEqual([]);
  });

  it('ends a player that has answered and does not any more', () => {
    ping.start();
    clock.advance(30_000);
    ping.answered();
    clock.advance(30_000);
    expect(failures).toEqual([]);
    clock.advance(30_000);
    expect(failures).toMatchObject([{ code: 'RTMP_PLAYER_SILENT' }]);
    clock.advance(300_000);
    expect(failures).toHaveLength(1);
  });

  it('lets a player be that never answers', () => {
    ping.start();
    clock.advance(600_000);
    expect(asked()).toBe(20);
    expect(failures).toEqual([]);
  });

  it('asks no more once stopped', () => {
    ping.start();
    ping.stop();
    clock.advance(600_000);
    expect(written).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });
});
