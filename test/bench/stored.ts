import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { programs } from '../../scripts/system-programs.mjs';
import type { Bench } from './bench.ts';
import { cacheFolder } from './load-program.ts';
import { whyNotPinned } from './processor.ts';
import type { BenchRow } from './report.ts';
import { buildRtmpLoadGenerator } from './rtmp-load.ts';
import { crowdRows } from './stored-crowd.ts';
import { makeFilm } from './stored-film.ts';
import { StoredHouse } from './stored-house.ts';
import { throttledRows } from './stored-pace.ts';
import { firstBytesRows, firstFrameRows, indexRows, seekRows } from './stored-start.ts';

const fullScale = {
  filmSeconds: 7_200,
  starts: 7,
  jumps: 20,
  throttledSeconds: 30,
  crowd: { viewers: 200, few: 20, rounds: 3, measureSeconds: 8 },
};

const quickScale = {
  filmSeconds: 240,
  starts: 1,
  jumps: 4,
  throttledSeconds: 6,
  crowd: { viewers: 20, few: 5, rounds: 1, measureSeconds: 5 },
};

const megabitsPerSecond = 2;

/** Stored files over RTMP: how soon a film begins that the edge has to fetch, and what its viewers cost. */
export const storedBench: Bench = {
  name: 'stored',
  description: 'a film of two hours over RTMP, fetched by ranges, against nginx-rtmp that has it on its disk',
  programs: [programs.gcc, programs.ffmpeg, programs.nginx, programs.nginxRtmp],
  groups: ['start', 'seek', 'throttled', 'crowd'],

  async run(_workFolder, quick, wants) {
    const scale = quick ? quickScale : fullScale;
    const generator = await buildRtmpLoadGenerator();
    const film = await makeFilm(scale.filmSeconds, megabitsPerSecond, 'tail');
    const films = wants('start') ? [film, await makeFilm(scale.filmSeconds, megabitsPerSecond, 'front')] : [film];
    // Beside the films, which get further names there.
    const folder = mkdtempSync(join(cacheFolder, 'stored-'));
    const remove = () => rmSync(folder, { recursive: true, force: true });
    process.once('exit', remove);
    const rows: BenchRow[] = [];
    {
      await using house = await StoredHouse.open(join(folder, 'one'));
      if (wants('start')) {
        rows.push(...(await indexRows(film)));
        rows.push(...(await firstBytesRows(house, films)));
        rows.push(...(await firstFrameRows(house, film, scale.starts)));
      }
      if (wants('seek')) rows.push(...(await seekRows(house, film, scale.jumps)));
      if (wants('throttled')) rows.push(...(await throttledRows(house, film, scale.throttledSeconds)));
    }
    if (wants('crowd')) {
      await using house = await StoredHouse.open(join(folder, 'crowd'));
      rows.push(...(await crowdRows(generator, house, film, scale.crowd)));
    }
    process.off('exit', remove);
    remove();
    const method = [
      `${scale.filmSeconds} s of film at ${megabitsPerSecond} Mbit/s, medians`,
      whyNotPinned() ?? 'the edge and nginx on one core, viewers of the crowd and the origin on another',
      'cold: a name that nobody has asked the edge for; its origin is ours, on the same machine',
      'processor time: of the edge alone',
    ].join('; ');
    return { bench: 'stored', peerName: 'nginx-rtmp', method, rows };
  },
};
