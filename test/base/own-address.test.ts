import { describe, expect, it } from 'vitest';
import { hostForPeople, ownHost } from '../../src/base/own-address.ts';

describe('ownHost', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1', 'localhost'],
    ['0.0.0.0', '127.0.0.1', 'localhost'],
    ['::', '[::1]', 'localhost'],
    ['::1', '[::1]', 'localhost'],
    ['127.0.0.2', '127.0.0.2', '127.0.0.2'],
    ['192.0.2.7', '192.0.2.7', '192.0.2.7'],
    ['2001:db8::7', '[2001:db8::7]', '[2001:db8::7]'],
    ['origin.example.org', 'origin.example.org', 'origin.example.org'],
  ])('reaches a listener on %s at %s; people write %s', (host, own, people) => {
    expect(ownHost(host)).toBe(own);
    expect(hostForPeople(host)).toBe(people);
  });
});
