import { describe, expect, it } from 'vitest';
import { SilenceWatch } from '../../src/rtmp/silence-watch.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function watched() {
  const clock = new VirtualClock();
  const events: string[] = [];
  const watch = new SilenceWatch({
    clock,
    silenceMs: 1_000,
    ask: () => events.push(`ask at ${clock.monotonicMs()}`),
    onSilent: () => events.push(`silent at ${clock.monotonicMs()}`),
  });
  return { clock, events, watch };
}

describe('SilenceWatch', () => {
  it('asks after the silence, and gives up after as long again', () => {
    const { clock, events } = watched();
    clock.advance(10_000);
    expect(events).toEqual(['ask at 1000', 'silent at 2000']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('never gives up a peer that answers, however long it has nothing else to say', () => {
    const { clock, events, watch } = watched();
    for (let second = 0; second < 60; second++) {
      clock.advance(1_000);
      clock.advance(1);
      watch.heard();
    }
    expect(events.filter((event) => event.startsWith('silent'))).toEqual([]);
    expect(events.length).toBeGreaterThan(20);
  });

  it('asks nothing of a peer that talks, and nothing after it was stopped', () => {
    const { clock, events, watch } = watched();
    for (let i = 0; i < 100; i++) {
      clock.advance(100);
      watch.heard();
    }
    watch.stop();
    clock.advance(10_000);
    expect(events).toEqual([]);
  });
});
