import { describe, expect, it } from 'vitest';
import { SentWindow } from '../../../src/live/stored/sent-window.ts';

describe('SentWindow', () => {
  it('holds nobody back who has never acknowledged anything', () => {
    expect(new SentWindow(1_000).isFull(1e12)).toBe(false);
  });

  it('is full two windows behind the last acknowledgement', () => {
    const window = new SentWindow(1_000);
    window.acknowledge(5_000, 1_500);
    expect(window.isFull(3_500)).toBe(false);
    expect(window.isFull(3_501)).toBe(true);
    window.acknowledge(6_000, 3_501);
    expect(window.isFull(4_500)).toBe(false);
    expect(window.isFull(4_501)).toBe(true);
  });

  it('counts on where the sequence number begins anew', () => {
    const window = new SentWindow(1_000);
    window.acknowledge(0xff_ff_ff_00, 0);
    window.acknowledge(0x100, 512);
    expect(window.isFull(2_512)).toBe(false);
    expect(window.isFull(2_513)).toBe(true);
  });

  it('forgets a client that has stopped to acknowledge', () => {
    const window = new SentWindow(1_000);
    window.acknowledge(0, 0);
    window.distrust();
    expect(window.isFull(1e9)).toBe(false);
    window.acknowledge(50, 1e9);
    expect(window.isFull(1e9 + 2_001)).toBe(true);
  });
});
