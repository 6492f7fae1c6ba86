import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchRow } from './report.ts';
import { atMost, type RowHead, rowsOf } from './rtmp-rows.ts';
import type { Film } from './stored-film.ts';
import type { StoredHouse } from './stored-house.ts';
import { type Picture, StoredViewer } from './stored-viewer.ts';

/** A player begins to show when it has so much, as Flash players did by default or nearly. */
const beginsWithMs = 1_000;

/** What a player shows in real time, and how long it stands still because a picture has not come when it is due. */
export class Playback {
  #first: Picture | undefined;
  #newestMs = 0;
  /** When a picture of time 0 was to be shown. */
  #zeroAtMs: number | undefined;
  stoodStillMs = 0;
  pictures = 0;
  /** Between the coming of a picture and its being due. */
  leastAheadMs = Infinity;

  take(picture: Picture): void {
    this.#first ??= picture;
    this.pictures++;
    this.#newestMs = picture.timestampMs;
    if (this.#zeroAtMs === undefined) {
      if (this.#newestMs - this.#first.timestampMs >= beginsWithMs) {
        this.#zeroAtMs = picture.atMs - this.#first.timestampMs;
      }
      return;
    }
    const aheadMs = this.#zeroAtMs + picture.timestampMs - picture.atMs;
    this.leastAheadMs = Math.min(this.leastAheadMs, aheadMs);
    if (aheadMs >= 0) return;
    this.stoodStillMs -= aheadMs;
    this.#zeroAtMs -= aheadMs;
  }

  /** Time up to which it could show. */
  get shownMs(): number {
    return this.#newestMs - (this.#first?.timestampMs ?? 0);
  }
}

/** From an origin that gives twice what the film needs: from the beginning, and after a jump to a cold place. */
export function throttledRows(house: StoredHouse, film: Film, seconds: number): Promise<readonly BenchRow[]> {
  const heads: readonly RowHead[] = [
    {
      name: `standing still in ${seconds} s, origin at twice the bit rate`,
      unit: 'ms',
      better: 'lower',
      target: atMost(0),
    },
    { name: 'the least that the player had ahead', unit: 'ms', better: 'higher', target: null },
    { name: 'standing still behind a jump, likewise', unit: 'ms', better: 'lower', target: atMost(0) },
    { name: 'the least that the player had ahead', unit: 'ms', better: 'higher', target: null },
    { name: 'seek to a cold place, likewise', unit: 'ms', better: 'lower', target: null },
  ];
  return rowsOf(heads, async () => {
    house.link.narrow((2 * film.lengthBytes) / film.seconds);
    try {
      await using viewer = await StoredViewer.connect(house.edge.rtmpPort, 'cfx/st');
      const fromBeginning = await watched(viewer, seconds, async () => {
        await viewer.play(house.newName(film));
      });
      let soughtMs = 0;
      const fromJump = await watched(viewer, seconds, async () => {
        const askedMs = performance.now();
        soughtMs = (await viewer.seek((film.seconds * 1_000) / 2, 2_000)).atMs - askedMs;
      });
      return [fromBeginning, fromJump]
        .flatMap(({ stoodStillMs, leastAheadMs }) => [{ value: stoodStillMs }, { value: leastAheadMs }])
        .concat({ value: soughtMs });
    } finally {
      house.link.narrow(undefined);
    }
  });
}

async function watched(viewer: StoredViewer, seconds: number, begin: () => Promise<void>): Promise<Playback> {
  const playback = new Playback();
  let begun = false;
  using _watching = viewer.watch((picture) => {
    // What was on its way from another place is not to be shown.
    if (begun || picture.keyframe) playback.take(picture);
  });
  await begin();
  begun = true;
  await sleep(seconds * 1_000);
  if (playback.shownMs < (seconds - 1) * 1_000) {
    throw new Error(`${Math.round(playback.shownMs)} ms of film came in ${seconds} s`);
  }
  return playback;
}
