import { describe, expect, it } from 'vitest';
import { compileResourcePattern } from '../../../src/policy/grants/resource-pattern.ts';

describe('compileResourcePattern', () => {
  it.each([
    ['*', 'http://a.example/x?y=z'],
    ['*', 'dir/video'],
    ['http://a.example/x', 'http://a.example/x'],
    ['http://a.example/*', 'http://a.example/'],
    ['http://a.example/*', 'http://a.example/x/y?z=1'],
    ['http*://a.example/x', 'https://a.example/x'],
    ['http?://a.example/x', 'https://a.example/x'],
    ['http*://*', 'https://a.example/x?y'],
    ['http://*.example/x', 'http://a.b.example/x'],
    ['http://a.example/*.ts', 'http://a.example/x/y.ts'],
    ['http://a.example/*/y?.ts', 'http://a.example/x/x/y1.ts'],
    ['http://a.example/x\\?y=*', 'http://a.example/x?y=1&z=2'],
    ['http://a.example/*\\?y=?', 'http://a.example/x/x?y=2'],
    // As signers write it that do not escape anything.
    ['http://a.example/x?y=1', 'http://a.example/x?y=1'],
    ['dir/*', 'dir/a/b.mp4'],
  ])('%s covers %s', (pattern, text) => {
    expect(compileResourcePattern(pattern)(text)).toBe(true);
  });

  it.each([
    ['http://a.example/x', 'http://a.example/X'],
    ['http://a.example/x', 'http://a.example/x?y'],
    ['http://a.example/*.ts', 'http://a.example/x.ts?y=1'],
    ['http://a.example/*.ts', 'http://a.example/x.mp4?y=.ts'],
    ['http://*/x', 'http://a.example/y/x'],
    ['http*/x', 'http://a.example/x'],
    ['*://a.example/x', 'http://b.example/://a.example/x'],
    ['http://a.example?x', 'http://a.example/x'],
    ['http://a.example/x\\?y=1', 'http://a.example/xAy=1'],
    ['http://a.example/?', 'http://a.example/'],
    ['', 'http://a.example/'],
  ])('%s does not cover %s', (pattern, text) => {
    expect(compileResourcePattern(pattern)(text)).toBe(false);
  });

  it('takes no longer than pattern and text are long, whatever they are', () => {
    const pattern = `http://a.example/${'*a'.repeat(200)}b`;
    expect(compileResourcePattern(pattern)(`http://a.example/${'a'.repeat(4_000)}`)).toBe(false);
  });
});
