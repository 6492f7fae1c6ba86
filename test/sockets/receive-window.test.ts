import { describe, expect, it } from 'vitest';
import { ReceiveWindow } from '../../src/sockets/receive-window.ts';

describe('ReceiveWindow', () => {
  it('begins with what every connection has, and what was found in less of it changes nothing', () => {
    const window = new ReceiveWindow(1_000_000);
    expect(window.bytes).toBe(65_536);
    window.found(32_768);
    window.found(0);
    expect(window.bytes).toBe(65_536);
  });

  it('has room for twice what was found there, and keeps it', () => {
    const window = new ReceiveWindow(1_000_000);
    window.found(50_000);
    expect(window.bytes).toBe(100_000);
    window.found(80_000);
    window.found(10_000);
    expect(window.bytes).toBe(160_000);
  });

  it('takes no more for found than fitted: the rest came while it was read', () => {
    const window = new ReceiveWindow(1_000_000);
    window.found(10_000_000);
    expect(window.bytes).toBe(131_072);
  });

  it('is bounded, however much is found', () => {
    const window = new ReceiveWindow(1_000_000);
    for (let round = 0; round < 100; round++) window.found(window.bytes);
    expect(window.bytes).toBe(1_000_000);
  });

  it('stays as it is where the system does not let it grow', () => {
    const window = new ReceiveWindow(0);
    window.found(65_536);
    expect(window.bytes).toBe(65_536);
  });
});
