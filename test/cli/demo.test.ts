import { describe, expect, it } from 'vitest';
import { demoQuery } from '../../src/cli/demo.ts';

describe('demoQuery', () => {
  it('needs nothing where encoders on this machine may publish', () => {
    expect(demoQuery([{ auth: 'loopback', keys: [{ stream: '*', key: 'long-enough' }] }])).toBe('');
    expect(demoQuery([{ auth: 'none', keys: [] }])).toBe('');
  });

  it('takes a configured stream key that opens the demo', () => {
    const keys = [
      { stream: 'live/stage', key: 'stage-only' },
      { stream: 'live/*', key: 'a key & more' },
    ];
    expect(demoQuery([{ auth: 'key', keys }])).toBe('?key=a%20key%20%26%20more');
  });

  it('takes a key for each of the edge and the origin, and each key once', () => {
    const edge = { auth: 'key', keys: [{ stream: '*', key: 'edge-key-1' }] } as const;
    const origin = { auth: 'key', keys: [{ stream: '*', key: 'origin-key' }] } as const;
    expect(demoQuery([edge, origin])).toBe('?key=edge-key-1&key=origin-key');
    expect(demoQuery([edge, edge])).toBe('?key=edge-key-1');
    expect(demoQuery([edge, { auth: 'key', keys: [] }])).toBeUndefined();
  });

  it('is undefined where no key opens it', () => {
    expect(demoQuery([{ auth: 'key', keys: [{ stream: 'live/stage', key: 'stage-only' }] }])).toBeUndefined();
  });
});
