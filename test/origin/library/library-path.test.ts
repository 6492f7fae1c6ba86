import { describe, expect, it } from 'vitest';
import { libraryPath } from '../../../src/origin/library/library-path.ts';

describe('libraryPath', () => {
  it.each([
    ['video.mp4', ['video.mp4']],
    ['a/b/c.flv', ['a', 'b', 'c.flv']],
    ['two%20words/%C3%A9t%C3%A9.mp4', ['two words', 'été.mp4']],
    ['a+b&c=d;e.mp4', ['a+b&c=d;e.mp4']],
    ['x..mp4', ['x..mp4']],
  ])('reads %s', (path, names) => {
    expect(libraryPath(path)).toEqual(names);
  });

  it.each([
    ['', 'nothing'],
    ['a/', 'a folder'],
    ['a//b', 'an empty name'],
    ['.hidden', 'a dot file'],
    ['a/.git/config', 'what is in a dot folder'],
    ['..', 'the way up'],
    ['%2E%2E/x', 'the way up, escaped'],
    ['a%2Fb', 'an escaped slash'],
    ['a%5Cb', 'a backslash'],
    ['a%00b', 'a NUL'],
    ['a%FFb', 'what is no UTF-8'],
    ['a%', 'a broken escape'],
    ['x'.repeat(256), 'a name longer than any'],
  ])('refuses %s: %s', (path) => {
    expect(libraryPath(path)).toBeUndefined();
  });
});
