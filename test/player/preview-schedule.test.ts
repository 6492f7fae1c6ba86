import { describe, expect, it } from 'vitest';
import { type PreviewWish, schedulePreviews } from '../../player/src/preview-schedule.ts';

function wish(id: string, more: Partial<PreviewWish<string>> = {}): PreviewWish<string> {
  return { id, onScreen: true, favoured: false, ...more };
}

const eight = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

describe('schedulePreviews', () => {
  it('lets the first cards run, up to the capacity', () => {
    const wishes = eight.map((id) => wish(id));
    expect([...schedulePreviews(wishes, new Set(), 6)]).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('lets no card run that is not on the screen, favoured or not', () => {
    const wishes = [wish('a', { onScreen: false, favoured: true }), wish('b')];
    expect(schedulePreviews(wishes, new Set(['a']), 6)).toEqual(new Set(['b']));
  });

  it('lets what runs go on when another card would come before it', () => {
    const running = new Set(['g', 'h']);
    const wishes = eight.map((id) => wish(id));
    expect(schedulePreviews(wishes, running, 3)).toEqual(new Set(['g', 'h', 'a']));
  });

  it('gives the favoured card a place though all are taken', () => {
    const wishes = eight.map((id) => wish(id, { favoured: id === 'h' }));
    expect(schedulePreviews(wishes, new Set(['a', 'b']), 2)).toEqual(new Set(['h', 'a']));
  });
});
