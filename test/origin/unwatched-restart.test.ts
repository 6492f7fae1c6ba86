import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { KeptHouse, type KeptOrigin } from '../support/kept-origin.ts';
import { validateMediaPlaylists } from '../support/playlist-validator.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const both = [videoConfig, audioConfig];
const run = (seconds: number, fromMs = 0) =>
  interleaved(videoUnits({ fromMs, seconds, bytes: 100 }), audioUnits({ fromMs, seconds }));

/** Of each rendition, the complete segments, and the parts of the one that is open. */
function windows(origin: KeptOrigin) {
  return (origin.packager?.renditions ?? []).map(({ name, window }) => ({
    name,
    msns: window.segments.filter(({ gap }) => !gap).map(({ msn }) => msn),
    open: window.open?.parts.length ?? 0,
  }));
}

describe('an origin that is killed while nobody watches', () => {
  it('keeps whole segments alone, and from when somebody comes the parts that he meets', async () => {
    await using house = new KeptHouse();
    const first = await house.start();
    const openFiles = () => readdirSync(join(house.folder, 'e1')).filter((name) => name.endsWith('.open'));
    first.publish(both);
    first.sendUnwatched(run(9));
    await first.written();
    expect(openFiles()).toEqual([]);
    first.record();
    await first.written();
    expect(openFiles()).toEqual(['audio.open', 'video.open']);
    const before = windows(first);
    expect(before.map(({ open }) => open > 0)).toEqual([true, true]);
    await first.kill();

    const second = await house.start();
    expect(windows(second)).toEqual(
      before.map(({ name, msns }) => ({ name, msns: [...msns, (msns.at(-1) ?? 0) + 1], open: 0 })),
    );
    second.publish(both);
    second.sendUnwatched(run(71, 500_000));
    await second.written();
    // Who had come has not asked for a minute.
    const [after] = windows(second);
    expect(after?.open).toBeGreaterThan(0);
    await second.kill();

    // Nobody has seen the states in between.
    house.histories.clear();
    const third = await house.start();
    expect(windows(third)[0]?.msns).toEqual(after?.msns);
    third.publish(both);
    third.send(run(9, 900_000));
    expect(validateMediaPlaylists(house.histories)).toEqual([]);
  });

  it('gives the disk nothing for ten seconds, all of it to the first who comes, and uses no number of what is lost again', async () => {
    await using house = new KeptHouse();
    const first = await house.start();
    const isBegun = () => existsSync(join(house.folder, 'e1'));
    first.publish(both);
    first.sendUnwatched(run(9));
    await aWhile();
    expect(isBegun()).toBe(false);
    first.packager?.watched(true);
    await eventually('it is written', isBegun);
    // Until he has not asked for a minute.
    first.sendUnwatched(run(75, 9_000));
    await house.sync();
    first.sendUnwatched(run(8, 84_000));
    const used = first.packager?.rendition('video')?.window.nextPart.msn ?? 0;
    await house.killed(0);

    const second = await house.start();
    expect(windows(second)[0]?.msns.at(-1)).toBeLessThan(used - 2);
    second.publish(both);
    second.send(run(9, 500_000));
    const [video] = second.packager?.renditions ?? [];
    const firstNew = video?.window.segments.find(({ discontinuity }) => discontinuity);
    expect(firstNew?.msn).toBeGreaterThanOrEqual(used);
    expect(validateMediaPlaylists(house.histories)).toEqual([]);
  });

  it('gives the disk whole segments at once where players ask without waiting, and no parts of the open one', async () => {
    await using house = new KeptHouse();
    const first = await house.start();
    first.publish(both);
    first.sendToPlainPlayers(run(9));
    await first.written();
    const [before] = windows(first);
    const names = readdirSync(join(house.folder, 'e1'));
    expect(names).toContain(`video.${before?.msns.at(-1)}.segment`);
    expect(names.filter((name) => name.endsWith('.open'))).toEqual([]);
    expect(before?.open).toBeGreaterThan(0);
    await first.kill();

    const second = await house.start();
    second.publish(both);
    second.sendToPlainPlayers(run(9, 500_000));
    expect(validateMediaPlaylists(house.histories)).toEqual([]);
  });

  it('has everything on the disk where the publisher has left', async () => {
    await using house = new KeptHouse();
    const first = await house.start();
    first.publish(both);
    first.sendUnwatched(run(9));
    first.unpublish();
    const segments = () => (existsSync(join(house.folder, 'e1')) ? readdirSync(join(house.folder, 'e1')) : []);
    const { oldestMsn, lastCompleteMsn } = first.packager?.rendition('video')?.window ?? {};
    await eventually('it is written', () => segments().includes(`video.${oldestMsn}-${lastCompleteMsn}.segments`));
  });
});

/** What was begun before this would have been written by now. */
async function aWhile(): Promise<void> {
  await using other = new KeptHouse();
  const origin = await other.start();
  origin.publish(both);
  origin.send(run(9));
  await origin.written();
}
