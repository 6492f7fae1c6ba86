import { describe, expect, it } from 'vitest';
import { BanList } from '../../src/policy/ban-list.ts';
import { BanGuard } from '../../src/stores/ban-guard.ts';
import { BanSweeper } from '../../src/stores/ban-sweeper.ts';
import { MemoryCache } from '../../src/stores/memory-cache.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { stored, type TestStored } from './cache-store-contract.ts';

function open(objects: number) {
  const clock = new VirtualClock();
  const bans = new BanList({ beginSequence: 100, forgottenSequence: 100, currentSequence: 100 });
  const memory = new MemoryCache<TestStored>(1_000_000_000);
  const store = new BanGuard(memory, bans);
  for (let i = 0; i < objects; i++)
    store.put(`site /${i % 2 === 0 ? 'even' : 'odd'}/${i}`, { ...stored('x', 1), sequence: 100 });
  const swept: number[] = [];
  const forgotten: number[] = [];
  const sweeper = new BanSweeper({
    bans,
    store,
    clock,
    log: new LogRecorder(),
    onSwept: (sequence) => void swept.push(sequence),
    onForgotten: (sequence) => void forgotten.push(sequence),
  });
  const ban = (cacheKeyPrefix: string) => bans.add([{ kind: 'prefix', cacheKeyPrefix }]);
  return { clock, bans, memory, store, sweeper, swept, forgotten, ban };
}

describe('BanSweeper', () => {
  it('carries a ban out in a small store before it returns', () => {
    const { store, sweeper, swept, ban } = open(1_000);
    const sequence = ban('site /even');
    sweeper.sweep();
    expect(swept).toEqual([sequence]);
    expect(sweeper.droppedTotal).toBe(500);
    expect(store.stats().objects).toBe(500);
  });

  it('takes turns in a large one, and sweeps again for what came meanwhile', () => {
    const { clock, store, sweeper, swept, ban } = open(200_000);
    const first = ban('site /even/0');
    sweeper.sweep();
    expect(swept).toEqual([]);
    const second = ban('site /odd');
    sweeper.sweep();
    clock.advance(1_000);
    expect(swept).toEqual([first, second]);
    expect(sweeper.droppedTotal).toBe(100_001);
    expect(store.stats().objects).toBe(99_999);
  });

  it('has bans forgotten ten to twenty minutes after they came, after one more look at the store', () => {
    const { bans, clock, forgotten, memory, store, sweeper, ban } = open(10);
    ban('site /odd');
    sweeper.sweep();
    // What was on its way between two tiers during the sweep.
    memory.put('site /odd/late', { ...stored('late', 1), sequence: 100 });
    clock.advance(599_999);
    const second = ban('site /even');
    sweeper.sweep();
    memory.put('site /even/late', { ...stored('late', 1), sequence: 100 });
    clock.advance(600_000);
    expect(forgotten).toEqual([]);
    expect(bans.isBanned('site /odd/1', [], 100)).toBe(true);
    clock.advance(1);
    expect(forgotten).toEqual([second]);
    expect(bans.isBanned('site /odd/1', [], 100)).toBe(false);
    expect(store.stats().objects).toBe(0);
    clock.advance(3_600_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it('tries again when the store fails, and leaves no timer behind when it is closed', () => {
    const { clock, bans, ban } = open(0);
    let failures = 1;
    const swept: number[] = [];
    const sweeper = new BanSweeper({
      bans,
      store: {
        *sweep() {
          if (failures-- > 0) throw new Error('disk I/O error');
          yield 3;
        },
      },
      clock,
      log: new LogRecorder(),
      onSwept: (sequence) => void swept.push(sequence),
      onForgotten: () => {},
    });
    const sequence = ban('site /a');
    sweeper.sweep();
    expect(swept).toEqual([]);
    clock.advance(30_000);
    expect(swept).toEqual([sequence]);
    expect(sweeper.droppedTotal).toBe(3);
    sweeper.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
