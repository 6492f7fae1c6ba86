import { describe, expect, it } from 'vitest';
import { PublishAuthority } from '../../src/http/publish-authority.ts';
import { StreamDirectory } from '../../src/live/stream-directory.ts';
import { DirectoryGate } from '../../src/origin/directory-gate.ts';
import { originSchema } from '../../src/origin/settings.ts';
import type { PublishAdmission } from '../../src/rtmp/publish-gate.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

function setUp() {
  const [clock, log] = [new VirtualClock(), new LogRecorder()];
  const backup = { takeOverAfterMs: 1_000, handBack: true, handBackAfterMs: 5_000 };
  const directory = new StreamDirectory({ clock, log, backup, reconnectGraceMs: 10_000, maxStreams: 10 });
  const gate = new DirectoryGate(
    new PublishAuthority(originSchema.parse({}).publish, { clock, log }),
    directory,
    clock,
  );
  const abort = new AbortController();
  const ask = async (): Promise<{ admission?: PublishAdmission; error?: unknown }> => {
    const answered: { admission?: PublishAdmission; error?: unknown } = {};
    const peer = { peerAddress: '127.0.0.1', peerPort: 5, encoder: undefined };
    const request = { app: 'live', tcUrl: undefined, streamName: 'stage', ...peer };
    const circumstances = { onTakenOver: () => {}, onEnded: () => {}, signal: abort.signal };
    gate.admit(request, circumstances).then(
      (admission) => (answered.admission = admission),
      (error: unknown) => (answered.error = error),
    );
    await settled();
    return answered;
  };
  const advance = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      await settled();
    }
  };
  return { ask, advance, abort };
}

describe('DirectoryGate, without keys', () => {
  it('admits an encoder that comes back before its leaving has been read', async () => {
    const { ask, advance } = setUp();
    const { admission: first } = await ask();
    const second = await ask();
    await advance(2_000);
    expect(second).toEqual({});
    if (first?.kind === 'admitted') first.sink.release();
    await advance(50);
    expect(second.admission?.kind).toBe('admitted');
  });

  it('has read what the one before has left unread, and then what came behind that', async () => {
    const { ask, advance } = setUp();
    const { admission: first } = await ask();
    if (first?.kind !== 'admitted') throw new Error('not admitted');
    const { sink } = first;
    let reads = 0;
    const leaveUnread = () => sink.leaveUnreadMs?.(2_000, () => (reads += 1));
    expect(leaveUnread()).toBe(2_000);
    const second = await ask();
    expect(reads).toBe(1);
    leaveUnread();
    await advance(50);
    expect(reads).toBe(2);
    sink.release();
    await advance(50);
    expect(second.admission?.kind).toBe('admitted');
  });

  it('refuses one where another goes on, after a little more than a second', async () => {
    const { ask, advance } = setUp();
    await ask();
    const second = await ask();
    await advance(2_250);
    expect(second.admission).toMatchObject({ kind: 'refused', code: 'PUBLISH_BUSY' });
  });

  it('asks no more for one that has left meanwhile', async () => {
    const { ask, advance, abort } = setUp();
    const { admission: first } = await ask();
    const second = await ask();
    abort.abort(new Error('left'));
    if (first?.kind === 'admitted') first.sink.release();
    await advance(2_500);
    expect(second.error).toMatchObject({ message: 'left' });
    expect(second.admission).toBeUndefined();
  });
});
