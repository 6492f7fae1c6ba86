import { describe, expect, it } from 'vitest';
import { Playback } from './stored-pace.ts';

/** Takes pictures of 100 ms each, the first at 0, that come when they are said to come. */
function played(...atMs: readonly number[]): Playback {
  const playback = new Playback();
  for (const [index, at] of atMs.entries()) {
    playback.take({ timestampMs: index * 100, keyframe: index === 0, atMs: at });
  }
  return playback;
}

/** A second of film at once, with which showing begins. */
const beginning = Array.from({ length: 11 }, () => 5_000);

describe('Playback', () => {
  it('stands still nowhere while pictures come before they are due', () => {
    // The eleventh picture is shown 1,000 ms after showing has begun at 5,000.
    const playback = played(...beginning, 6_050, 6_199);
    expect(playback.stoodStillMs).toBe(0);
    expect(playback.leastAheadMs).toBe(1);
    expect(playback.shownMs).toBe(1_200);
  });

  it('waits for a picture that is late, and shows all later ones later', () => {
    const playback = played(...beginning, 6_150, 6_250, 6_351);
    // 1,100 is due at 6,100; then 1,200 at 6,250; then 1,300 at 6,350.
    expect(playback.stoodStillMs).toBe(51);
    expect(playback.leastAheadMs).toBe(-50);
  });

  it('does not count what is waited for before it begins', () => {
    expect(played(0, 3_000, 9_000).stoodStillMs).toBe(0);
  });
});
