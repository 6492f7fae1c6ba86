import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeStateFile } from '../../src/stores/kept/state-file.ts';
import { KeptHouse, type KeptOrigin } from '../support/kept-origin.ts';
import { parsePlaylist } from '../support/parsed-playlist.ts';
import { unknowableAfterKill, validateMediaPlaylists } from '../support/playlist-validator.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const both = [videoConfig, audioConfig];

function run(seconds: number, fromMs = 0) {
  return interleaved(videoUnits({ fromMs, seconds, bytes: 100 }), audioUnits({ fromMs, seconds }));
}

function playlist(origin: KeptOrigin, name = 'video'): string {
  const rendition = origin.packager?.rendition(name);
  return (rendition && origin.packager?.mediaPlaylist(rendition)?.plain.toString()) ?? '';
}

function msns(text: string): number[] {
  return [...text.matchAll(/\/(\d+)\.m4s$/gm)].map((match) => Number(match[1]));
}

/** How many segments with media there are from each discontinuity to the next. */
function mediaOfRuns(text: string): number[] {
  return text
    .split('#EXT-X-DISCONTINUITY\n')
    .map((listed) => (listed.match(/^#EXTINF:/gm) ?? []).length - (listed.match(/^#EXT-X-GAP$/gm) ?? []).length);
}

/** The playlists with everything that they name: what viewers may keep for a year. */
function media(origin: KeptOrigin): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, window } of origin.packager?.renditions ?? []) {
    for (const { msn, parts } of [
      ...window.segments,
      ...(window.open ? [{ ...window.open.head, parts: window.open.parts }] : []),
    ]) {
      parts.forEach(({ bytes }, index) =>
        found.set(`${origin.packager?.epoch}/${name}/${msn}.${index}`, Buffer.from(bytes).toString('base64')),
      );
    }
  }
  return found;
}

describe('an origin that is killed and started again', () => {
  it('answers at once with the playlists as they were, before any publisher, in the same epoch', async () => {
    await using house = new KeptHouse();
    const first = await house.start();
    first.publish(both);
    first.send(run(9));
    await first.written();
    const before = playlist(first);
    const listed = media(first);
    await first.kill();
    house.clock.advance(3_000);

    const second = await house.start();
    expect(second.packager?.isPlayable).toBe(true);
    const after = playlist(second);
    expect(after).toContain('#EXT-X-MEDIA-SEQUENCE:1\n');
    expect(msns(after).slice(0, 4)).toEqual(msns(before).slice(0, 4));
    expect(after).toContain('e1/video/4.m4s\n');
    expect(after).not.toContain('ENDLIST');
    expect(after).not.toContain('PRELOAD-HINT');
    // The segment that was open, of which viewers had parts.
    expect(before).toContain('URI="e1/video/5.2.m4s"');
    expect(after).toMatch(/URI="e1\/video\/5\.2\.m4s"\n#EXTINF:1\.00000,\ne1\/video\/5\.m4s/);
    expect(media(second)).toEqual(listed);
    expect(second.packager?.multivariantPlaylist()?.plain.toString()).toContain('RESOLUTION=1280x720,FRAME-RATE=30');
    expect(second.packager?.rendition('video')?.init(0)).toBeDefined();
    expect(validateMediaPlaylists(house.histories)).toEqual([]);
  });

  it('goes on behind a discontinuity whose date is that of the wall clock, with the same initialisation segment', async () => {
    await using house = new KeptHouse();
    const first = await house.start();
    first.publish(both);
    first.send(run(9));
    await first.kill();
    house.clock.advance(3_000);
    const second = await house.start();
    const gaps = msns(playlist(second));
    house.clock.advance(4_000);
    const returnMs = house.clock.wallMs();
    second.publish(both);
    second.send(run(9, 500_000));
    const after = playlist(second);
    const next = Math.max(...gaps) + 1;
    const found = new RegExp(
      `#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="e1/video/init-0.mp4"\n#EXT-X-PROGRAM-DATE-TIME:(.*)\n(?:#EXT-X-PART.*\n)*#EXTINF:2.00000,\ne1/video/${next}.m4s`,
    ).exec(after);
    expect(Math.abs(Date.parse(found?.[1] ?? '') - returnMs)).toBeLessThan(60);
    expect(after.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(1);
    expect(validateMediaPlaylists(house.histories)).toEqual([]);
  });

  it('uses no number of an I-frame again, and counts its discontinuities as the pictures do', async () => {
    await using house = new KeptHouse();
    const iFrames = (origin: KeptOrigin) => {
      const rendition = origin.packager?.rendition('video');
      const text = rendition && origin.packager?.iFramePlaylist(rendition)?.plain.toString();
      return text === undefined ? undefined : parsePlaylist(text);
    };
    let lastMsn = -1;
    for (const discontinuities of [0, 1, 2]) {
      const origin = await house.start();
      // Those from before are listed no more.
      expect(iFrames(origin)).toBeUndefined();
      origin.publish(both);
      origin.send(run(9, discontinuities * 100_000));
      const listed = iFrames(origin);
      expect(listed?.segments).toHaveLength(4);
      expect(listed?.mediaSequence).toBeGreaterThan(lastMsn);
      lastMsn = (listed?.mediaSequence ?? 0) + 3;
      const own = listed?.segments[0]?.discontinuities ?? 0;
      expect((listed?.discontinuitySequence ?? 0) + own).toBe(discontinuities);
      expect(parsePlaylist(playlist(origin)).segments.filter(({ discontinuity }) => discontinuity)).toHaveLength(
        discontinuities,
      );
      await origin.written();
      await origin.kill();
      house.clock.advance(3_000);
    }
    expect(lastMsn).toBeGreaterThan(2_000);
  });

  it.each([
    ['before there was a part', 0.2],
    ['before there was a part of the sound', 0.335],
    ['behind the first parts', 0.8],
    ['in the second segment', 2.5],
  ])(
    'lists no run of gaps behind a discontinuity when it is killed again shortly after the publisher is back: %s',
    async (_, seconds) => {
      await using house = new KeptHouse();
      const first = await house.start();
      first.publish(both);
      first.send(run(9));
      await first.written();
      await first.kill();
      house.clock.advance(3_000);
      const second = await house.start();
      second.publish(both);
      second.send(run(seconds, 500_000));
      await second.written();
      await second.kill();
      house.clock.advance(20_000);
      const third = await house.start();
      const returnMs = house.clock.wallMs();
      third.publish(both);
      third.send(run(5, 900_000));
      for (const name of ['video', 'audio']) {
        const text = playlist(third, name);
        expect(Math.min(...mediaOfRuns(text))).toBeGreaterThan(0);
        // The outages take no time in the playlist: players need not find a way over them.
        const gaps = [...text.matchAll(/#EXT-X-GAP\n#EXTINF:([\d.]+),/g)].map(([, length]) => Number(length));
        expect(gaps.length).toBeGreaterThan(0);
        expect(Math.max(...gaps)).toBeLessThan(0.6);
        const dates = [...text.matchAll(/#EXT-X-DISCONTINUITY\n(?:#EXT-X-MAP.*\n)?#EXT-X-PROGRAM-DATE-TIME:(.*)\n/g)];
        expect(Math.abs(Date.parse(dates.at(-1)?.[1] ?? '') - returnMs)).toBeLessThan(60);
      }
      expect(validateMediaPlaylists(house.histories)).toEqual([]);
    },
  );

  it('has no gap when it was stopped and not killed', async () => {
    await using house = new KeptHouse();
    const first = await house.start();
    first.publish(both);
    first.send(run(9));
    await first.stop();
    house.clock.advance(5_000);
    const second = await house.start();
    second.publish(both);
    second.send(run(5));
    expect(playlist(second)).not.toContain('GAP');
    expect(playlist(second)).not.toContain('ENDLIST');
    expect(msns(playlist(second)).slice(0, 7)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(validateMediaPlaylists(house.histories)).toEqual([]);
  });

  it('keeps the stream for the reconnect grace, then ends its playlists, then forgets them', async () => {
    await using house = new KeptHouse({ window: '20s' });
    const first = await house.start();
    first.publish(both);
    first.send(run(9));
    await first.kill();
    const second = await house.start();
    house.clock.advance(59_999);
    expect(second.packager?.ended).toBe(false);
    house.clock.advance(1);
    second.record();
    expect(playlist(second)).toContain('#EXT-X-ENDLIST');
    await second.written();
    await second.kill();
    // A restart does not bring it back to life, nor does it take it from those who watch its end.
    const third = await house.start();
    expect(playlist(third)).toContain('#EXT-X-ENDLIST');
    expect(third.directory.get('live/test')).toBeUndefined();
    house.clock.advance(20_000);
    expect(third.packager).toBeUndefined();
    await third.written();
    expect(readdirSync(house.folder)).toEqual([]);
    expect(validateMediaPlaylists(house.histories)).toEqual([]);
  });

  it('begins a new epoch for who publishes after the end', async () => {
    await using house = new KeptHouse({ reconnectGrace: '0s' });
    const first = await house.start();
    first.publish(both);
    first.send(run(5));
    await first.stop();
    const second = await house.start();
    second.publish(both);
    second.send(run(5));
    expect(playlist(second)).toContain('e2/video/1.m4s');
    await second.written();
    expect(readdirSync(house.folder)).toEqual(['e2']);
  });

  it('leaves what is too old to go on', async () => {
    await using house = new KeptHouse();
    const first = await house.start();
    first.publish(both);
    first.send(run(5));
    await first.kill();
    house.clock.advance(60_000 + 300_000 + 5_000);
    const second = await house.start();
    expect(second.channels.list()).toEqual([]);
    expect(readdirSync(house.folder)).toEqual([]);
  });

  it('gives gaps to a rendition that the publisher has no more', async () => {
    await using house = new KeptHouse();
    const first = await house.start();
    first.publish(both);
    first.send(run(9));
    await first.kill();
    const second = await house.start();
    second.publish([audioConfig]);
    second.send(audioUnits({ seconds: 9 }));
    const gaps = playlist(second).match(/#EXT-X-GAP\n/g) ?? [];
    expect(gaps.length).toBeGreaterThan(4);
    expect(validateMediaPlaylists(house.histories)).toEqual([]);
  });

  it('has a new initialisation segment for an encoder with another configuration, also after one more restart', async () => {
    await using house = new KeptHouse();
    const first = await house.start();
    first.publish(both);
    first.send(run(5));
    await first.stop();
    const second = await house.start();
    second.publish([{ ...videoConfig, width: 640 }, audioConfig]);
    second.send(run(5));
    await second.stop();
    const third = await house.start();
    const text = playlist(third);
    expect(text).toContain('#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="e1/video/init-1.mp4"');
    expect(text).toContain('URI="e1/video/init-0.mp4"');
    const video = third.packager?.rendition('video');
    expect(video?.init(0)).toBeDefined();
    expect(video?.init(1)).toBeDefined();
    expect(Buffer.compare(video?.init(0) ?? Buffer.of(), video?.init(1) ?? Buffer.of())).not.toBe(0);
    expect(validateMediaPlaylists(house.histories)).toEqual([]);
  });

  it('removes from the disk what leaves the window', async () => {
    await using house = new KeptHouse({ window: '10s' });
    const first = await house.start();
    first.publish(both);
    for (let minute = 0; minute < 3; minute++) first.send(run(60, minute * 60_000));
    await first.written();
    const files = readdirSync(join(house.folder, 'e1'));
    // Ten seconds listed, eight more that still answer, in segments of two; two renditions; the state.
    expect(files.length).toBeLessThan(2 * 12 + 1);
    expect(files).toContain('stream.json');
    const second = await house.start();
    expect(playlist(second)).toMatch(/e1\/video\/88.m4s/);
  });

  it('sets aside what it cannot use, says so, and goes on with the rest', async () => {
    await using house = new KeptHouse();
    const first = await house.start();
    first.publish(both);
    first.send(run(9));
    await first.stop();
    const folder = join(house.folder, 'e1');
    writeFileSync(join(folder, 'video.2.segment'), 'SFSG is how it begins, and then nothing fits');
    writeFileSync(join(folder, 'notes.txt'), 'of a person');
    writeFileSync(join(house.folder, 'Thumbs.db'), 'of a file manager');
    for (const name of ['broken', 'other', 'half']) mkdirSync(join(house.folder, name));
    writeFileSync(join(house.folder, 'broken', 'stream.json'), '{"format":1,"checksum":1,"state":{}}\n');
    writeFileSync(join(house.folder, 'other', 'stream.json'), encodeStateFile({ path: 'live/other' }));
    writeFileSync(join(house.folder, 'half', 'video.0.segment'), '');

    const second = await house.start();
    expect(second.channels.list().map(({ stream }) => stream.path)).toEqual(['live/test']);
    expect(playlist(second)).toMatch(/#EXT-X-GAP\n#EXTINF:2.00000,\ne1\/video\/2.m4s/);
    expect(playlist(second, 'audio')).not.toContain('GAP');
    const said = house.log.lines.filter(({ fields }) => fields['code'] === 'LIVE_STATE_UNUSABLE');
    const reasons = new Map(
      said.map(({ fields }) => [relative(house.folder, String(fields['path'])), String(fields['reason'])]),
    );
    expect([...reasons.keys()].sort()).toEqual(['Thumbs.db', 'broken', 'e1/notes.txt', 'e1/video.2.segment', 'other']);
    expect(reasons.get('broken')).toMatch(/checksum does not fit/);
    expect(reasons.get('e1/video.2.segment')).toMatch(/version/);
    expect(reasons.get('other')).toMatch(/epoch/);
    expect(readdirSync(house.folder).sort()).toEqual(['e1', 'set-aside']);
    const aside = ['Thumbs.db', 'broken', 'e1.notes.txt', 'e1.video.2.segment', 'other'];
    expect(readdirSync(join(house.folder, 'set-aside')).sort()).toEqual(aside);
    // Nothing else is wrong than that a segment has gone.
    expect(validateMediaPlaylists(house.histories)).toEqual([expect.stringMatching(/GAP of segment 2 has changed/)]);
  });

  it.each([
    ['everything was written by then', 0, /^$/],
    ['the disk is up to a second behind', 1, unknowableAfterKill],
    ['the disk is up to four seconds behind', 5, unknowableAfterKill],
  ])(
    'holds every rule over many restarts, whenever they come, where %s',
    async (_, syncsBehind, excused) => {
      const life = fc.record({
        seconds: fc.double({ min: 0.05, max: 9, noNaN: true }),
        awayMs: fc.integer({ min: 0, max: 20_000 }),
        gop: fc.constantFrom(30, 60, 100),
        how: fc.constantFrom('kill', 'kill', 'stop'),
        behind: fc.integer({ min: 0, max: syncsBehind }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(life, { minLength: 2, maxLength: 5 }), async (lives) => {
          await using house = new KeptHouse({ window: '24s' });
          const seen = new Map<string, string>();
          for (const { seconds, awayMs, gop, how, behind } of lives) {
            const origin = await house.start();
            origin.publish(both);
            const units = interleaved(videoUnits({ seconds, gop, bytes: 100 }), audioUnits({ seconds }));
            // About 0.8 s each.
            for (let from = 0; from < units.length; from += 60) {
              origin.send(units.slice(from, from + 60));
              await house.sync();
            }
            if (how === 'stop') origin.unpublish();
            for (const [path, bytes] of media(origin)) {
              expect(seen.get(path) ?? bytes).toBe(bytes);
              seen.set(path, bytes);
            }
            if (how === 'stop') await origin.kill();
            else await house.killed(behind);
            house.clock.advance(awayMs);
          }
          const last = await house.start();
          for (const [path, bytes] of media(last)) expect(seen.get(path)).toBe(bytes);
          if (syncsBehind === 0) {
            for (const name of ['video', 'audio']) {
              expect(Math.min(...mediaOfRuns(playlist(last, name)).slice(1))).toBeGreaterThan(0);
            }
          }
          for (const epoch of house.epochs) {
            const findings = validateMediaPlaylists(house.historiesOf(epoch));
            expect(findings.filter((finding) => !excused.test(finding))).toEqual([]);
          }
        }),
        { numRuns: 12 },
      );
    },
    60_000,
  );
});
