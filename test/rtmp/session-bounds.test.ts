import { describe, expect, it } from 'vitest';
import { LimitError } from '../../src/base/errors.ts';
import { AcknowledgementWindow } from '../../src/rtmp/acknowledgement-window.ts';
import { CommandRate } from '../../src/rtmp/command-rate.ts';
import { SessionOutput, type SessionTransport } from '../../src/rtmp/session-output.ts';

describe('AcknowledgementWindow', () => {
  it('asks for an acknowledgement when the window is full, and not before', () => {
    const window = new AcknowledgementWindow();
    window.setWindow(1_000);
    expect(window.receive(999)).toBeUndefined();
    expect(window.receive(1)).toBe(1_000);
    expect(window.receive(999)).toBeUndefined();
    expect(window.receive(5_000)).toBe(6_999);
  });

  it('has a window of 2.5 MB until it is told one, and takes no window of nothing', () => {
    const window = new AcknowledgementWindow();
    window.setWindow(0);
    expect(window.receive(2_499_999)).toBeUndefined();
    expect(window.receive(1)).toBe(2_500_000);
  });

  it('counts on beyond 32 bits, in 32 bits', () => {
    const window = new AcknowledgementWindow();
    expect(window.receive(2 ** 32 - 1)).toBe(2 ** 32 - 1);
    expect(window.receive(2_500_001)).toBe(2_500_000);
  });
});

describe('CommandRate', () => {
  it('lets a burst of two seconds through, then what the rate allows', () => {
    const rate = new CommandRate(10, 0);
    for (let i = 0; i < 20; i++) rate.count(0);
    expect(() => rate.count(0)).toThrow(LimitError);
    const steady = new CommandRate(10, 0);
    for (let ms = 0; ms < 60_000; ms += 100) steady.count(ms);
  });

  it('saves up for no more than two seconds', () => {
    const rate = new CommandRate(10, 0);
    for (let i = 0; i < 20; i++) rate.count(1_000_000);
    expect(() => rate.count(1_000_000)).toThrow(LimitError);
  });
});

describe('SessionOutput', () => {
  class Transport implements SessionTransport {
    readonly peerAddress = '192.0.2.1';
    readonly peerPort = 1;
    readonly written: Uint8Array[] = [];
    queuedBytes = 0;
    write(bytes: Uint8Array): boolean {
      this.written.push(bytes);
      this.queuedBytes += bytes.length;
      return false;
    }
    writeLent(bytes: Uint8Array, length: number): boolean {
      return this.write(bytes.slice(0, length));
    }
    onDrain(): void {}
    together(action: () => void): void {
      action();
    }
    end(): void {}
    destroy(): void {}
  }

  it('sends the answers to one packet in one', () => {
    const transport = new Transport();
    const output = new SessionOutput(transport, 10_000);
    output.control({ kind: 'window-acknowledgement-size', windowBytes: 1 });
    output.setChunkSize(4_096);
    expect(transport.written).toEqual([]);
    output.flush();
    output.flush();
    expect(transport.written).toHaveLength(1);
    expect(transport.written[0]).toHaveLength(2 * (12 + 4));
  });

  it('is bounded, whether a peer leaves the answers unread or asks for too many at once', () => {
    const transport = new Transport();
    const output = new SessionOutput(transport, 1_000);
    const ask = () => {
      for (let i = 0; i < 100; i++) output.control({ kind: 'window-acknowledgement-size', windowBytes: 1 });
    };
    expect(ask).toThrow(LimitError);
    const slow = new Transport();
    slow.queuedBytes = 990;
    const blocked = new SessionOutput(slow, 1_000);
    expect(() => blocked.control({ kind: 'window-acknowledgement-size', windowBytes: 1 })).toThrow(
      /RTMP_PEER_DOES_NOT_READ/,
    );
  });
});
